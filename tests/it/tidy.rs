//! Rules of the house that a program can check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use recorder_core::Anomaly;
use tests::{files_below, source_files, workspace};

const LINES_MAX: usize = 500;
/// The crates that have no clock, socket, file, thread or task.
const CORES: [&str; 3] = ["schema", "recorder-core", "replayer-core"];
/// What brings I/O, threads or an async runtime.
const IO_CRATES: [&str; 15] = [
    "async-std",
    "axum",
    "h2",
    "hyper",
    "hyper-util",
    "mio",
    "nix",
    "object_store",
    "pcap-file",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "ureq",
];
/// The packages that the user asked for, and who uses each.
const USED: [(&str, &str); 9] = [
    ("tokio", "replayer"),
    ("reqwest", "replayer"),
    ("clap", "recorder"),
    ("pcap-file", "recorder"),
    ("parquet", "schema"),
    ("arrow", "schema"),
    ("object_store", "recorder"),
    ("zstd", "recorder"),
    ("governor", "replayer"),
];

/// The names in one manifest's `[dependencies]`.
fn dependencies(member: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(workspace().join(member).join("Cargo.toml")).unwrap();
    let section = manifest
        .split("\n[")
        .find_map(|section| section.strip_prefix("dependencies]\n"));
    let name = |line: &str| {
        line.split(['.', ' ', '='])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    section
        .unwrap()
        .lines()
        .map(name)
        .filter(|name| !name.is_empty())
        .collect()
}

/// Every package of the lock file with what it depends on, features not looked at.
fn lock() -> BTreeMap<String, BTreeSet<String>> {
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let quoted = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
        let name = package
            .lines()
            .find(|line| line.starts_with("name = "))
            .map(quoted)
            .unwrap();
        let list = package
            .split_once("dependencies = [")
            .map_or("", |(_, list)| list);
        let list = list.split(']').next().unwrap();
        let dependency = |line: &str| {
            quoted(line)
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let dependencies = list
            .lines()
            .filter(|line| line.contains('"'))
            .map(dependency);
        packages.entry(name).or_default().extend(dependencies);
    }
    packages
}

#[test]
fn the_cores_do_no_io() {
    for (member, name) in ["schema", "recorder/core", "replayer/core"]
        .iter()
        .zip(CORES)
    {
        let listed = dependencies(member);
        let found: Vec<_> = IO_CRATES
            .iter()
            .filter(|io| listed.contains(**io))
            .collect();
        assert!(found.is_empty(), "{name} lists {found:?}");
        for path in source_files(&["rs"]) {
            let inside = path.strip_prefix(workspace().join(member).join("src"));
            let is_test = path.ends_with("tests.rs")
                || path.components().any(|part| part.as_os_str() == "tests");
            let Ok(inside) = inside else { continue };
            if is_test {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let words = [
                "std::fs",
                "std::net::Tcp",
                "std::net::Udp",
                "std::thread",
                "std::env",
                "std::process",
                "SystemTime",
                "Instant::now",
                ".await",
                "async fn",
            ];
            for word in words {
                assert!(
                    !text.contains(word),
                    "{name}: {} says {word}",
                    inside.display()
                );
            }
        }
    }
}

/// Not through others either: parquet, say, has an optional dependency on an object store.
#[test]
fn the_cores_reach_no_io() {
    let packages = lock();
    for core in CORES {
        let mut seen = BTreeSet::new();
        // A package's own build- and test-time needs are in the lock file too; those of the cores are none of I/O.
        let mut todo = vec![core.to_owned()];
        while let Some(name) = todo.pop() {
            if seen.insert(name.clone()) {
                todo.extend(packages.get(&name).into_iter().flatten().cloned());
            }
        }
        let found: Vec<_> = IO_CRATES.iter().filter(|io| seen.contains(**io)).collect();
        assert!(found.is_empty(), "{core} reaches {found:?}");
    }
}

#[test]
fn the_programs_never_see_each_other() {
    for (member, stranger) in [
        ("recorder", "replayer"),
        ("replayer", "recorder"),
        ("recorder/core", "replayer"),
        ("replayer/core", "recorder"),
    ] {
        let found: Vec<_> = dependencies(member)
            .into_iter()
            .filter(|name| name.starts_with(stranger))
            .collect();
        // The demo records its bundled capture with the recorder's library; nothing else may.
        assert!(found.is_empty(), "{member} depends on {found:?}");
    }
}

#[test]
fn the_packages_that_were_asked_for_are_in_use() {
    for (package, member) in USED {
        assert!(
            dependencies(member).contains(package),
            "{member} does not depend on {package}"
        );
        let word = package.replace('-', "_");
        let used = source_files(&["rs"]).iter().any(|path| {
            let inside = path.starts_with(workspace().join(member).join("src"));
            inside
                && fs::read_to_string(path)
                    .unwrap()
                    .contains(&format!("{word}::"))
        });
        assert!(used, "{member} lists {package} and does not use it");
    }
}

#[test]
fn files_are_short() {
    for path in source_files(&["rs", "py"]) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        assert!(
            !path.ends_with("mod.rs"),
            "{}: write foo.rs beside foo/",
            path.display()
        );
    }
}

#[test]
fn no_test_is_left_out() {
    // Written in two parts, so that this file does not find itself.
    let marks = [
        concat!("#[", "ignore"),
        concat!("thread::", "sleep"),
        concat!("#[", "allow("),
    ];
    for path in source_files(&["rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        for mark in marks {
            assert!(!text.contains(mark), "{} has {mark}", path.display());
        }
    }
}

#[test]
fn every_anomaly_is_seen_by_a_test() {
    let texts = files_below(&workspace().join("tests/golden"));
    let sources = source_files(&["rs"]);
    let is_test = |path: &&PathBuf| path.to_string_lossy().contains("tests");
    let read = |path: &PathBuf| fs::read_to_string(path).unwrap();
    let golden: String = texts
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .map(read)
        .collect();
    let unit: String = sources
        .iter()
        .filter(is_test)
        .filter(|path| !path.ends_with("tidy.rs"))
        .map(read)
        .collect();
    let unseen: Vec<_> = Anomaly::ALL
        .iter()
        .filter(|anomaly| {
            let word = anomaly.as_str();
            let in_golden = golden.contains(&format!("anomaly {word}="));
            let in_unit =
                unit.contains(&format!("::{anomaly:?}")) || unit.contains(&format!("\"{word}\""));
            !in_golden && !in_unit
        })
        .collect();
    assert!(unseen.is_empty(), "no test sees {unseen:?}");
}

/// What is committed works on other machines: no path of this one, no registry's host.
#[test]
fn no_text_names_this_machine() {
    let hosts = [
        concat!("crates", ".io/api"),
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("pypi", ".org"),
        concat!("files.python", "hosted"),
    ];
    let paths = [
        concat!("/work", "/main"),
        concat!("/work", "/shared"),
        concat!("/root", "/"),
    ];
    let mut files = source_files(&[
        "rs", "py", "md", "toml", "txt", "json", "yaml", "yml", "sh", "html",
    ]);
    files.extend(
        ["Cargo.toml", "README.md", "tests/run", ".ci/run"].map(|name| workspace().join(name)),
    );
    for path in files.iter().filter(|path| path.is_file()) {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        for mark in hosts.iter().chain(&paths) {
            assert!(!text.contains(mark), "{} says {mark}", path.display());
        }
    }
}

/// The folders at the top are those of the design.
#[test]
fn the_top_level_is_as_designed() {
    let known = [
        "schema",
        "recorder",
        "replayer",
        "tests",
        "benches",
        "target",
        "reprise-demo",
    ];
    for entry in fs::read_dir(workspace()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ok = !path.is_dir() || name.starts_with('.') || known.contains(&name.as_str());
        assert!(ok, "{name} is no folder of the design");
    }
    assert!(Path::new(&workspace().join(".ci/run")).is_file());
}
