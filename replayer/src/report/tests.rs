use expect_test::{ExpectFile, expect_file};

use super::*;
use sample::failed_run;

fn check(text: &str, expected: ExpectFile) {
    for line in text.lines() {
        assert!(
            line.chars().count() <= 100,
            "wider than 100 columns: {line}"
        );
        assert!(
            !line.contains('\u{7}') && !line.contains('\u{1b}'),
            "{line:?}"
        );
    }
    expected.assert_eq(text);
}

#[test]
fn a_failed_run_for_the_terminal() {
    let text = summary(&failed_run(), "s3://traffic/shop", Style::PLAIN);
    check(&text, expect_file!["golden/failed.txt"]);
}

#[test]
fn a_run_that_was_killed_for_the_terminal() {
    let mut document = failed_run();
    document.state = RunState::Running;
    document.conclusion = None;
    document.finished_at = None;
    document.report = schema::run::RunReport::default();
    let text = summary(&document, "s3://traffic/shop", Style::PLAIN);
    check(&text, expect_file!["golden/killed.txt"]);
}

#[test]
fn colour_changes_nothing_but_colour() {
    let document = failed_run();
    let coloured = summary(&document, "a", Style { colour: true });
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some(start) = rest.find('\u{1b}') {
        plain.push_str(&rest[..start]);
        rest = &rest[start + rest[start..].find('m').unwrap() + 1..];
    }
    plain.push_str(rest);
    assert_eq!(plain, summary(&document, "a", Style::PLAIN));
    assert_ne!(plain, coloured);
}

#[test]
fn only_a_pass_of_a_finished_run_is_code_0() {
    let code = |change: &dyn Fn(&mut RunDocument)| {
        let mut document = failed_run();
        change(&mut document);
        format!("{:?}", exit_code(&document)) == format!("{:?}", ExitCode::SUCCESS)
    };
    let pass = |document: &mut RunDocument| {
        document.conclusion.as_mut().unwrap().verdict = RunVerdict::Pass;
    };
    assert!(!code(&|_| {}));
    assert!(code(&pass));
    assert!(!code(&|document| {
        pass(document);
        document.state = RunState::Interrupted;
    }));
    assert!(!code(&|document| document.conclusion = None));
    assert!(!code(&|document| {
        document.conclusion.as_mut().unwrap().verdict = RunVerdict::NotEnoughEvidence;
    }));
}

#[test]
fn spans_have_the_unit_that_suits_them() {
    for (us, text) in [
        (0, "0 µs"),
        (999, "999 µs"),
        (1_000, "1.00 ms"),
        (12_340, "12.3 ms"),
        (123_400, "123 ms"),
        (1_500_000, "1.50 s"),
        (65_000_000, "1 min 5 s"),
        (3_660_000_000, "1 h 1 min"),
        (183 * 3_600_000_000, "7 d 15 h"),
    ] {
        assert_eq!(span_text(us), text);
    }
    assert_eq!(units::mean_text(-1_500.0), "-1.50 ms");
    assert_eq!(units::mean_text(0.2), "0 µs");
}

#[test]
fn what_differs_is_seen_however_long_the_sides_are() {
    let long = |end: &str| format!("{}{end}", "x".repeat(200));
    let (was, is) = sides(Some(&long("old")), Some(&long("new")), 20);
    assert_eq!((was.as_str(), is.as_str()), ("…xxxxxxold", "…xxxxxxnew"));
    assert_eq!(
        sides(Some("a\nb"), None, 20),
        ("a b".to_owned(), "nothing".to_owned())
    );
    assert_eq!(clip("/orders/{id}/lines", 9), "/orde…nes");
}
