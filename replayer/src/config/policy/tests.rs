use replayer_core::permission::Allowed;

use super::{parse, permissions};

#[test]
fn a_policy_is_read() {
    let text = r#"
        default = "read-only"
        [[rule]]
        method = ["POST"]
        path = "/v1/quotes"
        do = "allow"
        [[rule]]
        host = "*.pay.test"
        do = "skip"
    "#;
    let permissions = parse(text, Allowed::All).unwrap();
    assert_eq!(permissions.otherwise, Allowed::ReadOnly);
    let allowed: Vec<Allowed> = permissions.rules.iter().map(|rule| rule.allowed).collect();
    assert_eq!(allowed, [Allowed::All, Allowed::Nothing]);
    assert_eq!(parse("", Allowed::All).unwrap().otherwise, Allowed::All);
}

/// The line of each mistake, and what is wrong in it.
#[test]
fn mistakes_name_their_line() {
    let table = [
        ("[[rule]]\ndo = \"allow\"\npath = \"/[\"\n", 3, "glob"),
        ("[[rule]]\npath = \"/a\"\n", 1, "do"),
        ("\n\ndefault = \"maybe\"\n", 3, "maybe"),
        ("[[rule]]\ndo = \"allow\"\nverb = \"GET\"\n", 3, "verb"),
        ("default = ", 1, ""),
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    for (text, line, what) in table {
        std::fs::write(&file, text).unwrap();
        let error = permissions(Some(&file), false).unwrap_err().to_string();
        assert!(error.contains(&format!("line {line}: ")), "{error}");
        assert!(error.contains(what), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let nowhere = permissions(Some(&folder.path().join("none")), false);
    assert!(nowhere.unwrap_err().to_string().contains("cannot be read"));
}
