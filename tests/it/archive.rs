//! The archive as other programs see it: DuckDB, pyarrow and pandas on disk, and S3 on a real server.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use benches::{Mix, Traffic, write_pcap};
use serde_json::Value;
use tests::{
    Answer, S3Server, Target, files_below, python, python_with, read_archive, recorder, replayer,
    run, run_python, run_within, workspace,
};

/// Some exchanges of every kind; they cross the border of an hour.
fn traffic() -> Traffic {
    let hour = Traffic::default().start;
    Traffic {
        exchanges: 200,
        mix: Mix::Mixed,
        start: hour.saturating_sub(Duration::from_millis(30)),
        ..Traffic::default()
    }
}

fn capture(folder: &Path) -> PathBuf {
    let path = folder.join("gateway.pcap");
    write_pcap(traffic().frames(), File::create(&path).unwrap()).unwrap();
    path
}

fn record(archive: &str, capture: &Path, variables: &[(&str, String)]) {
    let mut command = recorder();
    command
        .arg("read")
        .arg(capture)
        .arg("--archive")
        .arg(archive);
    let _ = run(with(&mut command, variables)).expect_code(0);
}

fn with<'a>(command: &'a mut Command, variables: &[(&str, String)]) -> &'a mut Command {
    command.envs(variables.iter().map(|(name, value)| (name, value)))
}

#[test]
fn duckdb_pyarrow_and_pandas_read_it_with_no_help() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    record(archive.to_str().unwrap(), &capture(folder.path()), &[]);
    let ours = read_archive(&archive);
    assert_eq!(ours.len(), 200);

    let printed = run_python("read_archive.py", &[&archive], &[]);
    let found: Value = serde_json::from_str(&printed).unwrap();
    for reader in ["duckdb", "pyarrow", "pandas"] {
        let here = &found[reader];
        let first = &ours[0];
        let (name, value) = first
            .request
            .as_ref()
            .unwrap()
            .headers
            .iter()
            .next()
            .unwrap();
        assert_eq!(here["rows"], 200, "{reader}");
        assert_eq!(
            here["methods"],
            serde_json::json!({"GET": 160, "POST": 40}),
            "{reader}"
        );
        assert_eq!(here["first_id"], first.id().to_string(), "{reader}");
        assert_eq!(here["first_start"], first.start().to_string(), "{reader}");
        assert_eq!(
            here["first_header"],
            serde_json::json!([name, value]),
            "{reader}"
        );
        let partitions = serde_json::json!(["2026-11-22 12", "2026-11-22 13"]);
        assert_eq!(here["partitions"], partitions, "{reader}");
        assert_eq!(here["bodies"], found["duckdb"]["bodies"], "{reader}");
    }
    let expected = [
        ("duckdb", "request_start", "TIMESTAMP WITH TIME ZONE"),
        (
            "duckdb",
            "request_headers",
            "STRUCT(\"name\" VARCHAR, \"value\" VARCHAR)[]",
        ),
        ("duckdb", "response_body", "BLOB"),
        ("duckdb", "request_body_bytes", "BIGINT"),
        ("duckdb", "client_port", "INTEGER"),
        ("pyarrow", "request_start", "timestamp[us, tz=UTC]"),
        (
            "pyarrow",
            "interim_statuses",
            "list<element: int32 not null>",
        ),
        ("pandas", "request_start", "datetime64[us, UTC]"),
    ];
    for (reader, column, kind) in expected {
        assert_eq!(found[reader]["types"][column], kind, "{reader} {column}");
    }
}

/// The files of the other hour are no Parquet any more: whoever opened one would fail.
#[test]
fn others_read_an_hour_by_its_partition_alone() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    record(archive.to_str().unwrap(), &capture(folder.path()), &[]);
    let mut expected = BTreeMap::new();
    for exchange in read_archive(&archive) {
        if exchange.start().partition() == "date=2026-11-22/hour=12" {
            let method = exchange.request.unwrap().method;
            *expected.entry(method).or_insert(0) += 1;
        }
    }
    assert!(expected.values().sum::<u64>() > 10, "{expected:?}");
    for path in files_below(&archive.join("exchanges/date=2026-11-22/hour=13")) {
        std::fs::write(path, "no Parquet").unwrap();
    }
    // Spark is a Java program that begins cold, on a machine that has other things to do.
    let limit = Duration::from_secs(280);
    let mut command = python_with("pyspark");
    command.arg(workspace().join("tests/python/read_hour.py"));
    command.arg(&archive).args(["2026-11-22", "12"]);
    command.args(["duckdb", "pyarrow", "pandas", "polars", "pyspark"]);
    command.env("SPARK_LOCAL_IP", "127.0.0.1");
    let ran = run_within(limit, &mut command).expect_code(0);
    let found: BTreeMap<String, BTreeMap<String, u64>> = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found.len(), 5);
    for (reader, methods) in found {
        assert_eq!(methods, expected, "{reader}");
    }
}

/// Every query and script of the page that people copy from, with rows for it to find.
#[test]
fn the_page_of_queries_runs_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    record(archive.to_str().unwrap(), &capture(folder.path()), &[]);
    let target = Target::start(|_| Answer::json("{\"id\": 1}"));
    let url = target.url();
    let window = ["--last", "1h", "--speed", "max", "--allow-writes"];
    let mut command = replayer();
    command.args(["run", "--run", "new", "--target", &url, "--archive"]);
    let _ = run(command.arg(&archive).args(window)).expect_code(1);
    let mut command = replayer();
    command.args(["compare", "--baseline", "recorded", "--candidate", "new"]);
    let _ = run(command.arg("--archive").arg(&archive)).expect_code(1);

    let found = run_page(folder.path(), "## 11.");
    let without_rows = "what is not in the archive: minutes with losses";
    assert_eq!(found[without_rows], 0, "nothing was lost: {found}");
    let found = found.as_object().unwrap();
    assert!(found.len() >= 9, "{found:?}");
    for (query, rows) in found.iter().filter(|(name, _)| *name != without_rows) {
        assert!(rows.is_null() || rows.as_u64() > Some(0), "{query}: {rows}");
    }
}

/// What a section of the format's page gives in a folder with an archive.
pub(crate) fn run_page(folder: &Path, section: &str) -> Value {
    let mut command = python();
    command.arg(workspace().join("tests/python/run_page.py"));
    command
        .arg(workspace().join("schema/README.md"))
        .arg(section);
    let ran = run(command.current_dir(folder)).expect_code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The bodies that others read are the bytes that were sent.
#[test]
fn bodies_are_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    record(archive.to_str().unwrap(), &capture(folder.path()), &[]);
    let traffic = traffic();
    for exchange in read_archive(&archive) {
        let request = exchange.request.as_ref().unwrap();
        let sent = traffic.find(&request.path).unwrap();
        assert_eq!(request.body.bytes, sent.request_body);
        assert_eq!(
            exchange.response.as_ref().unwrap().body.bytes,
            sent.response_body
        );
    }
}

#[test]
fn an_archive_on_s3_is_the_archive_on_disk() {
    let server = S3Server::start();
    let variables = server.variables();
    let folder = tempfile::tempdir().unwrap();
    let capture = capture(folder.path());
    let archive = server.url("some/folder");
    record(&archive, &capture, &variables);
    // Reading the same capture again publishes nothing twice.
    record(&archive, &capture, &variables);

    let printed = run_python(
        "read_s3.py",
        &[Path::new("archive/some/folder")],
        &variables,
    );
    assert_eq!(printed, "{\"rows\": 200, \"posts\": 40}");

    let on_disk = folder.path().join("archive");
    record(on_disk.to_str().unwrap(), &capture, &[]);
    let plan = |archive: &str, variables: &[(&str, String)]| {
        let mut command = replayer();
        command.args(["plan", "--json", "--archive", archive]);
        command.args([
            "--from",
            "2026-11-22T12:00:00Z",
            "--to",
            "2026-11-22T14:00:00Z",
        ]);
        let ran = run(with(&mut command, variables));
        assert!(matches!(ran.code, 0 | 1), "{}", ran.stderr);
        let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
        plan
    };
    let (of_s3, mut of_disk) = (
        plan(&archive, &variables),
        plan(on_disk.to_str().unwrap(), &[]),
    );
    of_disk["archive"] = of_s3["archive"].clone();
    assert_eq!(of_s3, of_disk);
    assert!(of_s3.to_string().contains("200"), "{of_s3}");
}
