use super::*;
use crate::redact::rule::Action;

/// Marks `sid` in any case, and with `all` everything; the action is its own.
struct Sid {
    action: Action,
    all: bool,
}

impl Marks for Sid {
    fn find(&self, name: &str) -> Option<Found> {
        (self.all || name.eq_ignore_ascii_case("sid")).then_some((0, self.action))
    }

    fn replace(&mut self, (_, action): Found, value: &[u8]) -> Option<String> {
        let shown = String::from_utf8_lossy(value);
        (action == Action::Mask).then(|| format!("<{}>", shown.len()))
    }
}

fn check(kind: Kind, action: Action, all: bool, table: &[(&str, &str)]) {
    for (text, expected) in table {
        let mut marks = Sid { action, all };
        let left = match redact(kind, text.as_bytes(), &mut marks) {
            Pairs::Kept => (*text).to_owned(),
            Pairs::Rewritten(new) => String::from_utf8(new).unwrap(),
        };
        assert_eq!(left, *expected, "{text}");
    }
}

#[test]
fn queries() {
    let masked = [
        ("", ""),
        ("a=1&b", "a=1&b"),
        ("a=1&sid=x&b=2", "a=1&sid=%3C1%3E&b=2"),
        ("SID=%41b+c&sid", "SID=%3C4%3E&sid"),
        ("%73id=x", "%73id=%3C1%3E"),
        ("sid=x;y&b=2", "sid=%3C3%3E&b=2"),
        ("a=1;sid=x;y&b", "a=1;sid=%3C3%3E&b"),
        ("sid=", "sid=%3C0%3E"),
    ];
    check(Kind::Query, Action::Mask, false, &masked);
    let dropped = [
        ("sid=x", ""),
        ("sid=x&b=2", "b=2"),
        ("a=1&sid=x", "a=1"),
        ("a=1;sid=x&b", "a=1&b"),
    ];
    check(Kind::Query, Action::Drop, false, &dropped);
    check(Kind::Query, Action::Mask, true, &[("secret", "%3C6%3E")]);
}

#[test]
fn cookies() {
    let masked = [
        ("a=b; sid=x=y; c=d", "a=b; sid=<3>; c=d"),
        ("sid = x", "sid = <1>"),
        ("a=b, sid=x; c=d", "a=b, sid=<1>; c=d"),
        ("a=b", "a=b"),
    ];
    check(Kind::Cookie, Action::Mask, false, &masked);
    let dropped = [
        ("sid=x", ""),
        ("a=b; sid=x; c=d", "a=b; c=d"),
        ("sid=x; c=d", " c=d"),
    ];
    check(Kind::Cookie, Action::Drop, false, &dropped);
    let all = [("a=b; secret", "a=<1>; <6>")];
    check(Kind::Cookie, Action::Mask, true, &all);
}

#[test]
fn cookies_that_are_set() {
    let masked = [
        ("sid=x; Path=/; HttpOnly", "sid=<1>; Path=/; HttpOnly"),
        ("a=b; Path=/, sid=x; Secure", "a=b; Path=/, sid=<1>; Secure"),
    ];
    check(Kind::SetCookie, Action::Mask, false, &masked);
    let dated = "a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/";
    let expected = "a=<1>; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/";
    check(Kind::SetCookie, Action::Mask, true, &[(dated, expected)]);
}
