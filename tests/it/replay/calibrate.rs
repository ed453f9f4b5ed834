//! What one machine can send, and how many a window takes.

use serde_json::Value;

use super::*;

/// 40 requests in one second, and one in each of the next ten.
fn window() -> Recorded {
    let mut script = one_by_one(
        &(0..40)
            .map(|number| get(&format!("/{number}")))
            .collect::<Vec<_>>(),
        Duration::from_millis(5),
    );
    for number in 0..10 {
        script = script
            .between(&format!("10.0.0.9:{}", 50_000 + number), "10.0.0.2:80")
            .after(Duration::from_secs(1))
            .client(get("/later"))
            .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    Recorded::new(&script)
}

fn calibrated(recorded: &Recorded, flags: &[&str]) -> Ran {
    let mut command = replayer();
    command.args([
        "calibrate",
        "--archive",
        &recorded.archive(),
        "--last",
        "1d",
    ]);
    run(command.args(["--for", "500ms"]).args(flags))
}

#[test]
fn machines_follow_from_the_peak_and_what_one_sends() {
    let recorded = window();
    let ran = calibrated(&recorded, &["--speed", "1000", "--json"]).expect_code(0);
    assert!(!ran.stderr.contains("no ledger"), "{}", ran.stderr);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    let number = |name: &str| result[name].as_f64().unwrap();
    assert_eq!(
        (number("requests"), number("rate_peak")),
        (50.0, 40.0),
        "{result}"
    );
    assert_eq!(number("rate_needed"), 40_000.0);
    let measured = number("rate_measured");
    assert!((number("sent") / number("seconds") - measured).abs() < 1.0);
    // How often depends on how busy this machine is.
    let sent = number("sample_requests") * number("passes");
    assert_eq!(number("sent"), sent);
    let machines = (40_000.0 / (0.7 * measured)).ceil();
    assert_eq!(number("machines"), machines);
    assert_eq!(result["target"], Value::Null);
    // Nothing of it stays.
    assert!(!Path::new(&recorded.archive()).join("runs").exists());
}

#[test]
fn a_target_is_measured_as_a_run_would_be_sent() {
    let recorded = window();
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_millis(20)));
    let flags = ["--target", &target.url(), "--in-flight", "2"];
    let ran = calibrated(&recorded, &flags).expect_code(0);
    assert!(ran.stdout.contains("machines    "), "{}", ran.stdout);
    let measured = ran
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("measured    "));
    let measured = measured.unwrap().split_once("/s to ").unwrap().0;
    let measured: u64 = measured.parse().unwrap();
    // Two at a time, 20 ms each.
    assert!((1..=100).contains(&measured), "{measured}");
    assert!(target.arrivals().len() >= 41);
    let ran = calibrated(&recorded, &["--speed", "max"]).expect_code(2);
    assert!(ran.stderr.contains("--speed max"), "{}", ran.stderr);
    let flags = ["--target", "http://192.0.2.1"];
    let ran = calibrated(&recorded, &flags).expect_code(2);
    assert!(
        ran.stderr.contains("not proven to be a test environment"),
        "{}",
        ran.stderr
    );
}
