use schema::Timestamp;
use schema::comparison::{ComparedEndpoint, ComparedTotals};

use super::*;
use crate::testing::{comparison, group};

const FILE: &str = r#"# Ours. Keep it sorted by risk.
[[accepted]]
group = "000000000000000a"   # the first one
what = "GET h /x body $.a: another number"
by = "ada"
why = "as agreed"            # see the minutes
until = "2026-12-31"

# Bob's.
[[accepted]]
why = "gone for good"
group = "000000000000000b"
what = "GET h /y status: 200 became 404"
by = "bob"
state = "fixed"
# The end.
"#;

fn how(until: Option<&str>) -> Acceptance {
    Acceptance {
        by: "eve".to_owned(),
        why: "it says \"so\"\nand more".to_owned(),
        until: until.map(str::to_owned),
    }
}

#[test]
fn groups_are_new_known_or_returned() {
    let ledger = Ledger::parse(FILE, "accepted.toml").unwrap();
    let standing = |group: &str, day: &str| {
        let now: Timestamp = format!("{day}T12:00:00Z").parse().unwrap();
        ledger.standing(&format!("000000000000000{group}"), now).0
    };
    assert_eq!(standing("a", "2026-12-31"), Standing::Known);
    assert_eq!(standing("a", "2027-01-01"), Standing::New);
    assert_eq!(standing("b", "2026-12-01"), Standing::Returned);
    assert_eq!(standing("c", "2026-12-01"), Standing::New);
    assert_eq!(ledger.fixed(&[]).len(), 1);
}

#[test]
fn nonsense_is_refused_with_its_line() {
    for (from, to, expected) in [
        (
            "2026-12-31",
            "soon",
            "f:7: `soon` is no day such as 2027-01-31",
        ),
        (
            "2026-12-31",
            "2026-02-30",
            "f:7: `2026-02-30` is no day such as 2027-01-31",
        ),
        (
            "000000000000000b",
            "7",
            "f:12: `7` is no group; a group's id has 16 hexadecimal digits",
        ),
        (
            "000000000000000b",
            "000000000000000a",
            "f:12: group 000000000000000a is there twice, first in line 3",
        ),
        ("\"bob\"", "\" \"", "f:14: `by` is empty"),
        ("gone for good", "", "f:11: `why` is empty"),
        ("\"fixed\"", "\"mended\"", "f:15: unknown variant `mended`"),
        (
            "by = \"bob\"",
            "from = \"bob\"",
            "f:14: unknown field `from`",
        ),
        ("by = \"ada\"", "by = ada", "f:5: "),
    ] {
        let error = Ledger::parse(&FILE.replace(from, to), "f").unwrap_err();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(
            LedgerFile::parse(&FILE.replace(from, to), "f").unwrap_err(),
            error
        );
    }
    let list = "accepted = []\n";
    assert!(
        LedgerFile::parse(list, "f")
            .unwrap_err()
            .starts_with("f: `accepted` is a list")
    );
}

#[test]
fn accepting_changes_an_entry_and_nothing_else() {
    let mut file = LedgerFile::parse(FILE, "f").unwrap();
    assert_eq!(file.text(), FILE);
    // Renewed in its place: its comments stay, and so does the order of its fields.
    file.accept(&group("000000000000000a", "GET h /x"), &how(None));
    file.accept(
        &group("000000000000000b", "GET h /y"),
        &how(Some("2027-01-31")),
    );
    file.accept(&group("000000000000000c", "GET h /z"), &how(None));
    expect_test::expect![[r##"
        # Ours. Keep it sorted by risk.
        [[accepted]]
        group = "000000000000000a"   # the first one
        what = "GET h /x body $.a: another number"
        by = "eve"
        why = """
        it says "so"
        and more"""            # see the minutes

        # Bob's.
        [[accepted]]
        why = """
        it says "so"
        and more"""
        group = "000000000000000b"
        what = "GET h /y body $.a: another number"
        by = "eve"
        until = "2027-01-31"

        [[accepted]]
        group = "000000000000000c"
        what = "GET h /z body $.a: another number"
        by = "eve"
        why = """
        it says "so"
        and more"""
        # The end.
    "##]]
    .assert_eq(&file.text());
    assert!(file.accepts("000000000000000b"));
}

#[test]
fn a_new_file_says_what_it_is() {
    let mut file = LedgerFile::parse("", "f").unwrap();
    file.accept(&group("000000000000000c", "GET h /z"), &how(None));
    let text = file.text();
    assert!(text.starts_with("# Differences that somebody"), "{text}");
    assert!(text.contains("`replayer accept` writes entries"), "{text}");
    assert!(Ledger::parse(&text, "f").unwrap() == *file.ledger());
}

#[test]
fn fixed_is_what_did_not_come_up_where_something_was_judged() {
    let judged = |endpoint: &str, judged| ComparedEndpoint {
        endpoint: endpoint.to_owned(),
        totals: ComparedTotals {
            judged,
            ..ComparedTotals::default()
        },
        ..ComparedEndpoint::default()
    };
    for (endpoint, count, is_fixed) in [
        ("GET h /x", 1, true),
        ("GET h /x", 0, false),
        // Another endpoint, whose name begins likewise.
        ("GET h /", 1, false),
    ] {
        let mut document = comparison();
        document.endpoints = vec![judged(endpoint, count)];
        let mut file = LedgerFile::parse(FILE, "f").unwrap();
        assert_eq!(
            file.mark_fixed(&document).len(),
            usize::from(is_fixed),
            "{endpoint} {count}"
        );
        assert_eq!(
            file.text().matches("state = \"fixed\"").count(),
            1 + usize::from(is_fixed)
        );
        // What came up is not fixed.
        document.groups = vec![group("000000000000000a", "GET h /x")];
        let mut file = LedgerFile::parse(FILE, "f").unwrap();
        assert!(file.mark_fixed(&document).is_empty());
    }
}
