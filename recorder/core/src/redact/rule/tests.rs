use expect_test::expect;

use super::*;

#[test]
fn an_error_says_what_is_right() {
    let rules = [
        "authorization",
        "header:Host",
        "header:",
        "haeder:x",
        "cookie:a=hide",
        "cookie:a=mask:digits",
        "cookie:a=pseudonymise:phone",
        "json:a/b",
        "path:/a/b",
        "path:/a/{}=drop",
        "preset:all",
        "query:{a",
    ];
    let errors: Vec<_> = rules
        .iter()
        .map(|rule| Lookup::default().add(0, rule).unwrap_err().to_string())
        .collect();
    expect![[r#"
        `authorization`: write PLACE:NAME, where the place is header, cookie, query, form, json, path, body or preset
        `header:Host`: `Host` says where a message ends, what it is or where it goes, and is kept
        `header:`: write PLACE:NAME, where the place is header, cookie, query, form, json, path, body or preset
        `haeder:x`: `haeder` is no place; write header, cookie, query, form, json, path, body, userinfo or preset
        `cookie:a=hide`: `hide` is no action; write drop, mask or pseudonymise, the last also with a shape such as :digits
        `cookie:a=mask:digits`: `mask:digits` is no action; write drop, mask or pseudonymise, the last also with a shape such as :digits
        `cookie:a=pseudonymise:phone`: `phone` is no shape; write token, digits, email, uuid, card or auto
        `json:a/b`: a pointer begins with /, such as /customer/email or /**/email
        `path:/a/b`: write {} for each segment that is marked, such as /customers/{}
        `path:/a/{}=drop`: a segment of a path is masked or pseudonymised, not dropped
        `preset:all`: the one preset is preset:credentials
        `query:{a`: `{a` is not a glob such as /api/**: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
    "#]].assert_eq(&(errors.join("\n") + "\n"));
}

#[test]
fn names_are_found_in_any_case_and_the_first_rule_counts() {
    let mut lookup = Lookup::default();
    for (index, rule) in [
        "header:X-Key=drop",
        "header:x-*",
        "form:user[pin]=pseudonymise:digits",
        "query:{a,b}",
    ]
    .iter()
    .enumerate()
    {
        lookup.add(index, rule).unwrap();
    }
    assert_eq!(lookup.header("x-key"), Some((0, Action::Drop)));
    assert_eq!(lookup.header("X-OTHER"), Some((1, Action::Mask)));
    assert_eq!(lookup.header("other"), None);
    let digits = Action::Pseudonymise(Shape::Digits);
    assert_eq!(lookup.form("User[PIN]"), Some((2, digits)));
    assert_eq!(lookup.form("userp"), None);
    assert_eq!(lookup.query("B"), Some((3, Action::Mask)));
}

#[test]
fn what_frames_a_message_is_kept() {
    let mut lookup = Lookup::default();
    lookup.add(0, "header:*").unwrap();
    assert_eq!(lookup.header("Content-Length"), None);
    assert_eq!(lookup.header("Server"), Some((0, Action::Mask)));
}
