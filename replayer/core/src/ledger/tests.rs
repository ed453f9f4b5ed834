use super::*;

const FILE: &str = r#"
[[accepted]]
group = "a"
what = "GET h /x body $.a: another number"
by = "ada"
why = "as agreed"
until = "2026-12-31"

[[accepted]]
group = "b"
what = "GET h /y status: 200 became 404"
by = "bob"
why = "gone for good"
state = "fixed"
"#;

#[test]
fn groups_are_new_known_or_returned() {
    let ledger = Ledger::parse(FILE, "accepted.toml").unwrap();
    let standing = |group, day: &str| {
        ledger
            .standing(group, format!("{day}T12:00:00Z").parse().unwrap())
            .0
    };
    assert_eq!(standing("a", "2026-12-31"), Standing::Known);
    assert_eq!(standing("a", "2027-01-01"), Standing::New);
    assert_eq!(standing("b", "2026-12-01"), Standing::Returned);
    assert_eq!(standing("c", "2026-12-01"), Standing::New);
    assert_eq!(ledger.fixed(&[]).len(), 1);
}

#[test]
fn the_file_comes_back_as_it_was_written() {
    let ledger = Ledger::parse(FILE, "accepted.toml").unwrap();
    assert_eq!(Ledger::parse(&ledger.to_toml(), "x").unwrap(), ledger);
    let error = Ledger::parse("\n[[accepted]]\ngroup = 7\n", "accepted.toml").unwrap_err();
    assert!(error.starts_with("accepted.toml:"), "{error}");
    assert!(Ledger::parse(&FILE.replace("2026-12-31", "soon"), "f").is_err());
}
