//! What operators start from, `recorder/deploy/`: read by the programs that it is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tests::{python_program, recorder, recorder_path, run, run_python, workspace};

fn deploy(name: &str) -> PathBuf {
    workspace().join("recorder/deploy").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(deploy(name)).unwrap()
}

/// Every rule of cfn-lint, warnings and advice too.
#[test]
fn the_templates_pass_cfn_lint() {
    let templates = ["packet-handler.yaml", "mirror-sessions.yaml"];
    let mut command = python_program("cfn-lint");
    command.args(["--include-checks", "I", "--"]);
    let ran = run(command.args(templates.map(deploy))).expect_code(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

/// Both directions have rules, for a mirrored service and for a mirrored gateway before it.
#[test]
fn the_mirror_filter_has_both_directions() {
    let text = read("packet-handler.yaml");
    let rules: BTreeSet<_> = text
        .split("Type: AWS::EC2::TrafficMirrorFilterRule")
        .skip(1)
        .map(|rule| {
            let rule = rule.split("\n\n").next().unwrap();
            let direction = if rule.contains("TrafficDirection: ingress") {
                "in"
            } else {
                "out"
            };
            let end = if rule.contains("SourcePortRange") {
                "from"
            } else {
                "to"
            };
            (direction, end)
        })
        .collect();
    let all = ["in", "out"].map(|direction| ["from", "to"].map(|end| (direction, end)));
    assert_eq!(rules, all.into_iter().flatten().collect());
}

#[test]
fn the_user_data_is_a_script() {
    let template = deploy("packet-handler.yaml");
    let script = run_python("user_data.py", &[&template], &[]);
    assert!(script.contains("systemctl enable --now recorder.service"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("user-data.sh");
    fs::write(&path, script).unwrap();
    let ran = run(Command::new("bash").arg("-n").arg(&path)).expect_code(0);
    assert_eq!(ran.stderr, "");
}

/// A variable that is no flag's would be passed over without a word.
#[test]
fn variables_are_those_of_flags() {
    let help = run(recorder().args(["listen", "--help"]))
        .expect_code(0)
        .stdout;
    for name in ["recorder.env", "packet-handler.yaml", "README.md"] {
        let text = read(name);
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
        let variables: BTreeSet<_> = words.filter(|word| word.starts_with("RECORDER_")).collect();
        assert!(!variables.is_empty(), "{name}");
        for variable in variables {
            let known = variable == "RECORDER_FLAGS" || help.contains(&format!("[env: {variable}"));
            assert!(known, "{name}: {variable} is no flag's variable");
        }
    }
}

/// The commands that the image and the unit begin with.
#[test]
fn flags_of_the_unit_and_the_image_are_known() {
    let help = run(recorder().args(["listen", "--help"]))
        .expect_code(0)
        .stdout;
    let commands = [("Dockerfile", "CMD "), ("recorder.service", "ExecStart=")];
    for (name, start) in commands {
        let text = read(name);
        let line = text.lines().find(|line| line.starts_with(start)).unwrap();
        assert!(line.contains("listen"), "{name}: {line}");
        for word in line.split(['"', ' ']) {
            let known = !word.starts_with("--") || help.contains(&format!("{word} "));
            assert!(known, "{name}: {word}");
        }
    }
}

/// What is recorded is on a disk before anything else depends on it, in a folder that the unit may write to.
#[test]
fn every_recorder_has_a_spool() {
    for name in ["recorder.env", "packet-handler.yaml"] {
        let text = read(name);
        let mut lines = text.lines().map(str::trim);
        let spool = lines.find_map(|line| line.strip_prefix("RECORDER_SPOOL="));
        let spool = spool.unwrap_or_else(|| panic!("{name} has no spool"));
        assert!(spool.starts_with("/var/lib/recorder"), "{name}: {spool}");
        assert!(text.contains("RECORDER_SPOOL_MAX="), "{name}");
    }
    assert!(read("recorder.service").contains("StateDirectory=recorder\n"));
    let image = read("Dockerfile");
    for line in [
        "ENV RECORDER_SPOOL=/var/lib/recorder",
        "VOLUME /var/lib/recorder",
    ] {
        assert!(image.lines().any(|found| found == line), "{line}");
    }
}

/// Where there is systemd: no directive is unknown, and little of the machine is in reach.
#[test]
fn the_unit_is_sound() {
    let present = Command::new("systemd-analyze").arg("--version").output();
    if present.is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorder.service");
    let program = recorder_path();
    let unit =
        read("recorder.service").replace("/usr/local/bin/recorder", program.to_str().unwrap());
    fs::write(&path, unit).unwrap();
    let analyze = |arguments: &[&str]| {
        run(Command::new("systemd-analyze").args(arguments).arg(&path)).expect_code(0)
    };
    let check = |threshold: &str| {
        assert_eq!(analyze(&["verify", "--man=no"]).stderr, "");
        let _ = analyze(&["security", "--offline=true", "--no-pager", threshold]);
    };
    // The exposure is told in tenths, from 0 to 100.
    check("--threshold=15");
    let beside = folder.path().join("recorder.service.d");
    fs::create_dir(&beside).unwrap();
    fs::copy(
        deploy("recorder-interface.conf"),
        beside.join("interface.conf"),
    )
    .unwrap();
    check("--threshold=20");
}

#[test]
fn the_package_holds_what_the_unit_names() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    let package = |name: &str| {
        let path = folder.path().join(name);
        let made = run(Command::new(deploy("package.sh")).arg(&program).arg(&path)).expect_code(0);
        (path, made.stdout)
    };
    let (path, digest) = package("one.tar.gz");
    let summed = run(Command::new("sha256sum").arg(&path))
        .expect_code(0)
        .stdout;
    assert_eq!(summed.split(' ').next().unwrap(), digest.trim());
    assert_eq!(
        package("two.tar.gz").1,
        digest,
        "the same program gives the same package"
    );
    let listed = run(Command::new("tar").arg("-tzf").arg(&path))
        .expect_code(0)
        .stdout;
    let unit = read("recorder.service");
    for named in [
        "/usr/local/bin/recorder",
        "/etc/recorder/recorder.env",
        "/usr/share/doc/recorder/README.md",
    ] {
        assert!(unit.contains(named), "the unit does not name {named}");
        assert!(
            listed.lines().any(|line| line == &named[1..]),
            "{named}: {listed}"
        );
    }
}
