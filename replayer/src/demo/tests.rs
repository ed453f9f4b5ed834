use super::*;

#[test]
fn printed_commands_can_be_pasted() {
    for (word, expected) in [
        ("./target/release/replayer", "./target/release/replayer"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("", "''"),
        ("*", "'*'"),
    ] {
        assert_eq!(quoted(word), expected);
    }
}

#[test]
fn programs_below_the_current_folder_are_named_from_it() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(from_here(&here.join("target/x")), Path::new("./target/x"));
    assert_eq!(
        from_here(Path::new("/elsewhere/x")),
        Path::new("/elsewhere/x")
    );
}

#[test]
fn the_bundled_capture_is_a_zstd_file_and_small() {
    assert_eq!(CAPTURE[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    assert!(CAPTURE.len() <= 300 << 10, "{} bytes", CAPTURE.len());
}
