use super::*;

#[test]
fn rules_are_read() {
    for text in [
        "json:/token",
        "json:/**/id=path,query",
        "header:Location",
        "cookie:sid",
        "html:csrf[token]",
        "html:*=form",
    ] {
        let rule: CorrelationRule = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
    }
    let rule: CorrelationRule = "json:/id=path,query".parse().unwrap();
    let held: Vec<Place> = Place::ALL
        .into_iter()
        .filter(|place| rule.places.holds(*place))
        .collect();
    assert_eq!(held, [Place::Path, Place::Query]);
}

#[test]
fn what_is_no_rule_says_why() {
    for (text, expected) in [
        ("token", "write json:/POINTER"),
        ("json:", "write json:/POINTER"),
        ("json:token", "a pointer begins with /"),
        ("body:x", "`body` is no source"),
        ("json:/id=url", "`url` is no place"),
        ("cookie:{", "{"),
    ] {
        let error = text.parse::<CorrelationRule>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
