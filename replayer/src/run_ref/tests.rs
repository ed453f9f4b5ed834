use super::*;
use crate::cli::KeyArgs;

#[test]
fn a_run_is_given_by_its_folder() {
    for (folder, expected) in [
        ("a/runs/x", Some(("a", "x"))),
        (
            "s3://bucket/prefix/runs/x",
            Some(("s3://bucket/prefix", "x")),
        ),
        ("s3://bucket/runs/x", Some(("s3://bucket", "x"))),
        ("/runs/x", Some(("/", "x"))),
        ("runs/x", Some((".", "x"))),
        ("x", None),
        ("a/b", None),
        ("a/runs/x/exchanges", None),
    ] {
        assert_eq!(split_folder(folder), expected, "{folder}");
    }
}

#[test]
fn what_is_no_run_says_what_would_be_one() {
    let find = |run: &str, archive: Option<&str>| {
        let args = RunRefArgs {
            run: run.to_owned(),
            archive: archive.map(str::to_owned),
            keys: KeyArgs::default(),
        };
        RunRef::find(&args)
            .map(|run| run.name)
            .map_err(|error| error.to_string())
    };
    assert!(find("x", None).unwrap_err().contains("--archive URL"));
    assert!(
        find("a/b", None)
            .unwrap_err()
            .contains("<archive>/runs/<name>")
    );
    let archive = tempfile::tempdir().unwrap();
    let path = archive.path().to_str().unwrap();
    assert_eq!(find("x", Some(path)), Ok("x".to_owned()));
    for ending in ["", "/", "/run.json"] {
        assert_eq!(
            find(&format!("{path}/runs/x{ending}"), None),
            Ok("x".to_owned())
        );
    }
}
