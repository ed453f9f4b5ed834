//! Production under load, with a recorder that records, hangs, or is gone.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::{Proxy, await_answer, free_port, metric, read_archive, recorder, run, run_within};

use super::proxies::sample;
use super::{LIMIT, ledger};

/// The program itself, because a part of this process cannot be stopped alone.
struct Program(Child);

impl Program {
    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let _ = run(Command::new("kill").args([name, &id])).expect_code(0);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What wrk tells of two seconds at a proxy.
#[derive(Debug)]
struct Served {
    requests: u64,
    /// Half of them took at most so long.
    median_ms: f64,
}

fn load(port: u16) -> Served {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c8", "-d2s", "--timeout", "5s", "--latency"]);
    wrk.arg(format!("http://127.0.0.1:{port}/page"));
    let told = run_within(LIMIT, &mut wrk).expect_code(0).stdout;
    // Lines that wrk prints only if there is something to tell.
    assert!(
        !told.contains("Socket errors") && !told.contains("Non-2xx"),
        "{told}"
    );
    // The last one: a share of 99 % may stand before it.
    let after = |word: &str| {
        told.rsplit_once(word)
            .unwrap()
            .1
            .split_whitespace()
            .next()
            .unwrap()
    };
    let before = told.split_once(" requests in").unwrap().0;
    Served {
        requests: before
            .split_whitespace()
            .next_back()
            .unwrap()
            .parse()
            .unwrap(),
        median_ms: milliseconds(after("50%")),
    }
}

fn milliseconds(text: &str) -> f64 {
    for (unit, factor) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3)] {
        if let Some(number) = text.strip_suffix(unit) {
            return number.parse::<f64>().unwrap() * factor;
        }
    }
    panic!("{text} is no time");
}

/// Loads a proxy while the recorder records, then while it hangs, then while it is gone.
fn check(start: impl FnOnce([u16; 4]) -> Proxy, source: &str) {
    let place = tempfile::tempdir().unwrap();
    let [front, service, mirror, spare, metrics] = std::array::from_fn(|_| free_port());
    let page = format!(
        "worker_processes 1; pid /run/nginx.pid; error_log /var/log/nginx/error.log; events {{ }}\n\
         http {{ access_log off; server {{ listen 127.0.0.1:{service}; return 200 \"production\"; }} }}"
    );
    let _service = Proxy::nginx(&page, service);
    let program = recorder()
        .args(["listen", "--quiet", "--archive"])
        .arg(place.path())
        .args(["--http-mirror", &format!("127.0.0.1:{mirror}")])
        .args(["--metrics", &format!("127.0.0.1:{metrics}")])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut program = Program(program.unwrap());
    let metrics = ([127, 0, 0, 1], metrics).into();
    wait_for_port(mirror);
    let _proxy = start([front, service, mirror, spare]);

    let recording = load(front).requests;
    program.signal("-STOP");
    let hanging = assert_unaffected(front, "hangs");
    program.signal("-CONT");
    let text = await_answer(metrics, |status, text| {
        status == 200 && metric(text, "recorder_requests_mirrored_total") > 0
    });
    assert_eq!(metric(&text, "recorder_frames_total"), 0);
    program.signal("-TERM");
    assert!(program.0.wait().unwrap().success());
    assert_unaffected(front, "is gone");

    let rows = read_archive(place.path()).len() as u64;
    let sum = ledger(place.path(), source);
    assert_eq!(sum.exchanges, rows + sum.exchanges_shed, "{sum:?}");
    assert!(rows > 0 && sum.exchanges <= recording + hanging, "{sum:?}");
}

/// Answers come as fast as without a recorder: one that waited for it would take 100 ms (nginx) or seconds (Envoy). The machine
/// may do other things at the same time: one of three loads has to be quick. Gives how many requests there were.
fn assert_unaffected(front: u16, recorder: &str) -> u64 {
    let mut loads = Vec::new();
    for _ in 0..3 {
        loads.push(load(front));
        if loads.last().is_some_and(|served| served.median_ms < 50.0) {
            return loads.iter().map(|served| served.requests).sum();
        }
    }
    panic!("a recorder that {recorder} slows production: {loads:?}");
}

fn wait_for_port(port: u16) {
    for _ in 0..LIMIT.as_millis() / 20 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    panic!("nobody listens at port {port}");
}

#[test]
fn nginx_does_not_wait_for_the_recorder() {
    let start = |ports: [u16; 4]| Proxy::nginx(&sample("nginx.conf", ports), ports[0]);
    check(start, "nginx-mirror");
}

#[test]
fn envoy_does_not_wait_for_the_recorder() {
    let start = |ports: [u16; 4]| Proxy::envoy(&sample("envoy.yaml", ports), ports[0]);
    check(start, "envoy-mirror");
}
