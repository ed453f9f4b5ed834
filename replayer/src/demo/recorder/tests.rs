use super::*;

#[test]
fn the_recorder_is_built_as_this_program_was() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("CACHEDIR.TAG"), "").unwrap();
    let base = ["build", "--locked", "--bin", "recorder"];
    for (executable, extra) in [
        ("release/replayer", &["--release"][..]),
        ("debug/replayer", &[]),
        ("x86_64-unknown-linux-musl/release/replayer", &["--release"]),
        ("bench/replayer", &["--profile", "bench"]),
    ] {
        let build = Build::like(&target.join(executable));
        assert_eq!(build.arguments(), [&base, extra].concat(), "{executable}");
        assert_eq!(build.target_dir.as_ref(), Some(&target), "{executable}");
    }
}

#[test]
fn an_executable_outside_of_a_target_folder_says_nothing_of_its_build() {
    let dir = tempfile::tempdir().unwrap();
    let build = Build::like(&dir.path().join("bin/replayer"));
    assert_eq!(
        (build.profile.as_str(), build.target_dir),
        ("release", None)
    );
}

#[test]
fn the_executable_is_taken_from_cargos_messages() {
    let messages = concat!(
        r#"{"reason":"compiler-artifact","target":{"name":"recorder"},"executable":null}"#,
        "\n",
        r#"{"reason":"compiler-artifact","target":{"name":"recorder"},"executable":"/t/release/recorder"}"#,
        "\n",
        r#"{"reason":"build-finished","success":true}"#,
        "\n",
    );
    assert_eq!(
        executable_of(messages.as_bytes()),
        Some("/t/release/recorder".into())
    );
    assert_eq!(executable_of(b"{\"reason\":\"build-finished\"}\n"), None);
}

#[test]
fn what_the_user_set_for_cargo_is_kept() {
    for (variable, removed) in [
        ("CARGO_PKG_NAME", true),
        ("CARGO_MANIFEST_DIR", true),
        ("CARGO_HOME", false),
        ("CARGO_TARGET_DIR", false),
        ("RUSTFLAGS", false),
    ] {
        assert_eq!(describes_this_package(variable), removed, "{variable}");
    }
}
