use super::Proof;

fn proof(text: &str) -> Proof {
    text.parse().unwrap()
}

#[test]
fn names() {
    let table = [
        ("shop.test.internal", true),
        ("SHOP.Test.Internal.", true),
        ("shop.eviltest.internal", false),
        ("test.internal", false),
        (".test.internal", false),
        ("shop.test.internal.com", false),
        ("10.0.0.1", false),
    ];
    for (host, holds) in table {
        let suffix = proof("suffix:.test.internal");
        assert_eq!(suffix.holds_for_name(host), holds, "{host}");
        assert!(!proof("header:A=b").holds_for_name(host));
    }
}

#[test]
fn answers() {
    let holds = |text: &str, status, body: &str| {
        let fields: [(&str, &[u8]); 2] = [("date", b"x"), ("x-env", b" test ")];
        proof(text).holds_for_answer(status, fields.into_iter(), body.as_bytes())
    };
    assert!(holds("header:X-Env=test", 404, ""));
    assert!(!holds("header:X-Env=prod", 200, ""));
    assert!(!holds("header:X-Other=test", 200, ""));
    assert!(holds("path:/env=a=b", 200, "a=b\n"));
    assert!(!holds("path:/env=a=b", 404, "a=b"));
    assert!(!holds("path:/env=a=b", 200, "xa=b"));
    assert!(!holds("suffix:.test", 200, ""));
}

#[test]
fn what_is_no_proof() {
    for text in [
        "",
        "header:",
        "header:A",
        "header:=b",
        "header:A=",
        "path:x=y",
        "path:/x",
        "suffix:test",
        "suffix:.",
        "name:a=b",
    ] {
        let error = text.parse::<Proof>().unwrap_err().to_string();
        assert!(error.contains("header:NAME=VALUE"), "{error}");
    }
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(proof("path:/env=secret").to_string(), "path:/env");
    assert_eq!(proof("header:X-Env=secret").to_string(), "header:X-Env");
}
