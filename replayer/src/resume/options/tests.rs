use super::*;
use crate::run_store::sample;

fn options(flags: &[(&str, &str)]) -> Options {
    let option = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
    flags.iter().map(option).collect()
}

/// A run that was begun with these flags.
fn begun(flags: &[(&str, &str)]) -> RunDocument {
    let mut document = sample::document("it");
    (document.options, document.options_left_out) = stored(&options(flags));
    document.option_files = file_hashes(&document.options).unwrap();
    document
}

fn arguments_of(begun_with: &[(&str, &str)], typed: &[(&str, &str)]) -> Result<String, String> {
    let arguments = arguments(&Typed(options(typed)), &begun(begun_with));
    arguments
        .map(|arguments| arguments.join(" "))
        .map_err(|error| error.to_string())
}

#[test]
fn flags_are_stored_but_for_secrets_and_what_is_of_one_process() {
    let flags = [
        ("after", "psql postgres://shop:secret@db"),
        ("allow-writes", "true"),
        ("json", "true"),
        ("last", "7d"),
        ("run", "it"),
        ("target-proof", "header:X=secret"),
    ];
    let document = begun(&flags);
    assert_eq!(
        document.options,
        options(&[("allow-writes", "true"), ("last", "7d")])
    );
    assert_eq!(document.options_left_out, ["after", "target-proof"]);
}

#[test]
fn a_run_goes_on_with_its_flags() {
    let begun_with = [("allow-writes", "true"), ("last", "7d"), ("speed", "2")];
    assert_eq!(
        arguments_of(
            &begun_with,
            &[("archive", "a"), ("resume", "it"), ("speed", "2")]
        ),
        Ok("--allow-writes --archive=a --last=7d --resume=it --speed=2".to_owned())
    );
    let cases = [
        (
            ("speed", "3"),
            "--speed 3 contradicts run it, which was begun with --speed 2",
        ),
        (
            ("rate", "5/s"),
            "--rate 5/s contradicts run it, which was begun without --rate",
        ),
        (("no-compare", "true"), "--no-compare true contradicts"),
    ];
    for (typed, expected) in cases {
        let error = arguments_of(&begun_with, &[typed]).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn secrets_have_to_be_given_again() {
    let begun_with = [("after", "a"), ("before", "b"), ("last", "7d")];
    let error = arguments_of(&begun_with, &[]).unwrap_err();
    assert!(error.contains("--after, which is not stored"), "{error}");
    assert_eq!(
        arguments_of(&begun_with, &[("after", "c")]),
        Ok("--after=c --last=7d".to_owned())
    );
}

#[test]
fn a_file_has_to_be_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "default = \"allow\"").unwrap();
    let document = begun(&[("policy", policy.to_str().unwrap())]);
    assert!(arguments(&Typed::default(), &document).is_ok());
    std::fs::write(&policy, "default = \"skip\"").unwrap();
    let error = arguments(&Typed::default(), &document).unwrap_err();
    assert!(
        error.to_string().starts_with("--policy is another file"),
        "{error}"
    );
}
