use super::*;

#[test]
fn paths_and_urls_of_archives() {
    let cases = [
        ("/var/archive", Ok("file:///var/archive/")),
        ("/var/an archive#1", Ok("file:///var/an%20archive%231/")),
        ("file:///var/archive", Ok("file:///var/archive")),
        ("s3://bucket", Ok("s3://bucket")),
        ("s3://bucket/a/b", Ok("s3://bucket/a/b")),
        ("s3://", Err("names no bucket")),
        ("s3:///key", Err("names no bucket")),
        ("gs://bucket", Err("no place for an archive")),
        ("https://host/x", Err("no place for an archive")),
        ("", Err("it is empty")),
    ];
    for (text, expected) in cases {
        match (archive_url(text), expected) {
            (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected, "{text}"),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }
    let relative = archive_url("here").unwrap();
    assert!(relative.as_str().ends_with("/here/"), "{relative}");
}

#[test]
fn a_local_archive_is_created_and_its_paths_are_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}/new/archive", folder.path().display());
    let archive = Archive::open(&archive_url(&text).unwrap(), &Keyring::default()).unwrap();
    assert!(folder.path().join("new/archive").is_dir());
    let key = "exchanges/date=2026-11-22/hour=13/a.parquet";
    assert_eq!(archive.path(key).as_ref(), key);
    assert_eq!(archive.kind, StoreKind::Local);

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Archive::open(
        &archive_url(file.to_str().unwrap()).unwrap(),
        &Keyring::default(),
    )
    .unwrap_err();
    assert!(format!("{error:#}").contains("cannot create"), "{error:#}");
}
