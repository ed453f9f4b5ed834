//! Running a recorder: health, metrics, signals, ports that are taken, stores that fail.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tests::{Listening, await_answer, get, metric, mirror, read_archive, recorder, run};

use super::{datagrams, send, traffic};

#[test]
fn metrics_and_health_tell_what_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let flags = [
        "--vxlan",
        "127.0.0.1:0",
        "--health",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
    ];
    let listening = Listening::start(place.path(), &flags);
    let bound = listening.bound();
    let health = await_answer(bound.health.unwrap(), |status, _| status == 200);
    assert_eq!(health, "ok\n");
    let socket = mirror("127.0.0.1", bound.vxlan.unwrap());
    let traffic = traffic(100);
    send(&socket, &listening, &datagrams(&traffic));
    let text = await_answer(bound.metrics.unwrap(), |_, text| {
        text.contains("recorder_exchanges_total{completeness=\"complete\"} 100")
    });
    for line in [
        "# TYPE recorder_frames_total counter",
        "recorder_frames_dropped_total 0",
        "recorder_healthy 1",
        "recorder_anomalies_total{anomaly=\"proxy_header\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert_eq!(metric(&text, "recorder_exchanges_waiting"), 100);
    assert!(metric(&text, "recorder_memory_bytes") > 1 << 20);
    // What is no request, or one of another kind, is answered and forgotten.
    for junk in ["\0\0\0", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"] {
        use std::io::Write as _;
        let mut stream = TcpStream::connect(bound.health.unwrap()).unwrap();
        stream.write_all(junk.as_bytes()).unwrap();
        drop(stream);
    }
    assert_eq!(get(bound.health.unwrap()).0, 200);
    listening.stop().unwrap();
    assert_eq!(read_archive(place.path()).len(), 100);
}

/// The real program, as a service manager runs it.
pub(super) struct Program {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    pub(super) vxlan: SocketAddr,
    pub(super) metrics: SocketAddr,
    /// The live stream, if it serves one.
    pub(super) live: Option<SocketAddr>,
}

pub(super) fn listen(archive: &str) -> Command {
    let mut command = recorder();
    command.args(["listen", "--archive", archive]);
    command
}

impl Program {
    pub(super) fn start(mut command: Command) -> Self {
        command.args([
            "--vxlan",
            "127.0.0.1:0",
            "--metrics",
            "127.0.0.1:0",
            "--json",
        ]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = |line: &Value, name: &str| line[name].as_str()?.parse().ok();
        let mut seen = String::new();
        let (vxlan, metrics, live) = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {seen}");
            let parsed: Value =
                serde_json::from_str(&line).expect("logs are JSON where no one looks on");
            if parsed["message"] == "listening" {
                break (
                    address(&parsed, "vxlan").unwrap(),
                    address(&parsed, "metrics").unwrap(),
                    address(&parsed, "live"),
                );
            }
            seen += &line;
        };
        Self {
            child,
            log,
            vxlan,
            metrics,
            live,
        }
    }

    /// Ends it as a failing machine does.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Exit code, summary, and the rest of the log.
    pub(super) fn end(mut self, signal: &str) -> (Option<i32>, Value, String) {
        self.signal(signal);
        let (mut log, mut out) = (String::new(), String::new());
        self.log.read_to_string(&mut log).unwrap();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        let code = self.child.wait().unwrap().code();
        (code, serde_json::from_str(&out).unwrap_or(Value::Null), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already unless the test failed; also one that is stopped ends at this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_signal_drains_and_ends_well() {
    for signal in ["-TERM", "-INT"] {
        let place = tempfile::tempdir().unwrap();
        let program = Program::start(listen(place.path().to_str().unwrap()));
        let socket = mirror("127.0.0.1", program.vxlan);
        for datagram in datagrams(&traffic(20)) {
            socket.send(&datagram).unwrap();
        }
        await_answer(program.metrics, |_, text| {
            text.contains("recorder_exchanges_total{completeness=\"complete\"} 20")
        });
        let (code, summary, log) = program.end(signal);
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(summary["exchanges"]["complete"], 20);
        assert!(log.contains("draining"), "{log}");
        assert_eq!(read_archive(place.path()).len(), 20);
    }
}

/// Started again under the same name, at once, a recorder adds to its archive.
#[test]
fn a_name_can_be_used_again() {
    let place = tempfile::tempdir().unwrap();
    for round in 1..=2 {
        let flags = [
            "--vxlan",
            "127.0.0.1:0",
            "--metrics",
            "127.0.0.1:0",
            "--recorder-id",
            "gw-1",
        ];
        let listening = Listening::start(place.path(), &flags);
        let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
        send(&socket, &listening, &datagrams(&traffic(20)));
        listening.stop().unwrap();
        assert_eq!(read_archive(place.path()).len(), 20 * round);
    }
}

/// An archive that cannot be written to: the end comes in time, and says so.
#[test]
fn draining_has_an_end() {
    let place = tempfile::tempdir().unwrap();
    let archive = "s3://bucket/prefix";
    let mut command = listen(archive);
    // Nothing listens there.
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    command
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x");
    command.args(["--drain", "2s"]).current_dir(place.path());
    let program = Program::start(command);
    let socket = mirror("127.0.0.1", program.vxlan);
    for datagram in datagrams(&traffic(5)) {
        socket.send(&datagram).unwrap();
    }
    await_answer(program.metrics, |_, text| {
        metric(text, "recorder_frames_total") > 0
    });
    let (code, _, log) = program.end("-TERM");
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("draining took longer than 2.00 s"), "{log}");
}

#[test]
fn a_port_that_is_taken_says_what_to_do() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for shards in ["1", "2"] {
        let ran =
            run(listen("/nowhere").args(["--vxlan", &address, "--shards", shards])).expect_code(2);
        for text in [&*address, "vxlan device", "ip link delete", "ss -lunp"] {
            assert!(ran.stderr.contains(text), "{}", ran.stderr);
        }
    }
    let ran = run(listen("/nowhere").args(["--vxlan", "192.0.2.1:4789"])).expect_code(2);
    assert!(ran.stderr.contains("ip address"), "{}", ran.stderr);
}

#[test]
fn a_small_buffer_and_a_proxy_header_are_warned_of() {
    let place = tempfile::tempdir().unwrap();
    let mut command = listen(place.path().to_str().unwrap());
    // More than any system gives.
    command.args(["--receive-buffer", "1TiB"]);
    command.env("RECORDER_LOG", "info").stderr(Stdio::piped());
    let program = Program::start(command);
    let socket = mirror("127.0.0.1", program.vxlan);
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x20\x12\0\x0c".to_vec();
    header.extend([0; 12]);
    header.extend(&datagrams(&traffic(1))[0]);
    socket.send(&header).unwrap();
    await_answer(program.metrics, |_, text| {
        text.contains("anomaly=\"proxy_header\"} 1")
    });
    let (code, _, log) = program.end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("proxy protocol v2"), "{log}");
}
