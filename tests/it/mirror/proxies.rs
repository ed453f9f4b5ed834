//! Real nginx and Envoy, with the configurations of `recorder/deploy/`.

use std::collections::BTreeMap;
use std::process::Command;

use schema::{Body, Completeness, Request};
use tests::{
    Answer, Listening, Proxy, Target, await_answer, free_port, metric, read_archive, run, workspace,
};

use super::LOOPBACK;

/// A sample with other ports: of the proxy, of the service, of the recorder, and one more.
pub(super) fn sample(name: &str, [proxy, service, recorder, spare]: [u16; 4]) -> String {
    let path = workspace().join("recorder/deploy").join(name);
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in [
        ("8080", proxy),
        ("8000", service),
        ("8090", recorder),
        ("8091", spare),
    ] {
        assert!(
            text.contains(from) || from == "8091",
            "{name} has no port {from}"
        );
        text = text.replace(&format!("127.0.0.1:{from}"), &format!("127.0.0.1:{to}"));
        text = text.replace(&format!("port_value: {from}"), &format!("port_value: {to}"));
    }
    text
}

/// What a client asks for, beside the URL.
const REQUESTS: [&[&str]; 4] = [
    &[
        "/a%2Fb/c?x=1&y=%20z",
        "-H",
        "X-CaSe: Yes",
        "-H",
        "Host: shop.example:8443",
    ],
    &[
        "/form",
        "-d",
        "hello=1",
        "-H",
        "X-Forwarded-For: 203.0.113.5",
    ],
    &[
        "/chunked",
        "-H",
        "Transfer-Encoding: chunked",
        "-d",
        "hello=chunked",
    ],
    &["/upload", "-X", "PUT", "--data-binary", "@LARGE"],
];

/// Sends the requests through a proxy; gives what was recorded, by path, and what the service got.
fn through(
    start: impl FnOnce([u16; 4]) -> Proxy,
    ports: [u16; 4],
) -> (BTreeMap<String, (String, Request)>, Target) {
    let place = tempfile::tempdir().unwrap();
    let service = Target::start(|_| Answer::new(200, &[], "ok"));
    let listening = Listening::start(place.path(), &LOOPBACK);
    let recorder = listening.bound().http_mirror.unwrap().port();
    let proxy = start([ports[0], service.address().port(), recorder, ports[3]]);
    let large = place.path().join("large");
    std::fs::write(&large, "0123456789".repeat(50_000)).unwrap();
    for arguments in REQUESTS {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--max-time",
            "30",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
        ]);
        curl.arg(format!("http://127.0.0.1:{}{}", ports[0], arguments[0]));
        let large = format!("@{}", large.display());
        let given = arguments[1..]
            .iter()
            .map(|word| if *word == "@LARGE" { &*large } else { word });
        let ran = run(curl.args(given)).expect_code(0);
        assert_eq!(ran.stdout, "200", "{arguments:?}");
    }
    await_answer(listening.bound().metrics.unwrap(), |_, text| {
        metric(text, "recorder_requests_mirrored_total") >= REQUESTS.len() as u64
    });
    drop(proxy);
    std::fs::remove_file(&large).unwrap();
    listening.stop().unwrap();
    let recorded = read_archive(place.path()).into_iter().map(|exchange| {
        assert_eq!(exchange.completeness, Completeness::NoResponse);
        assert_eq!(exchange.connection.client, "127.0.0.1:0".parse().unwrap());
        let request = exchange.request.unwrap();
        let source = exchange.connection.source.as_deref().unwrap().to_owned();
        (request.path.clone(), (source, request))
    });
    (recorded.collect(), service)
}

/// What does not depend on the proxy.
fn check(
    recorded: &BTreeMap<String, (String, Request)>,
    service: &Target,
    source: &str,
    port: u16,
) {
    let paths: Vec<_> = recorded.keys().map(String::as_str).collect();
    assert_eq!(paths, ["/a%2Fb/c", "/chunked", "/form", "/upload"]);
    assert!(
        recorded.values().all(|(told, _)| told == source),
        "{recorded:?}"
    );
    let request = |path: &str| &recorded[path].1;
    assert_eq!(request("/a%2Fb/c").query.as_deref(), Some("x=1&y=%20z"));
    assert_eq!(
        request("/a%2Fb/c").host.as_deref(),
        Some("shop.example:8443")
    );
    assert_eq!(
        request("/form").host.as_deref(),
        Some(&*format!("127.0.0.1:{port}"))
    );
    assert_eq!(
        (&*request("/form").method, &*request("/upload").method),
        ("POST", "PUT")
    );
    let body = |bytes: &'static str| Body {
        bytes: bytes.into(),
        wire_bytes: bytes.len() as u64,
    };
    assert_eq!(request("/form").body, body("hello=1"));
    assert_eq!(request("/chunked").body, body("hello=chunked"));
    assert_eq!(request("/upload").body.wire_bytes, 500_000);
    // The service got the same.
    for arrival in service.arrivals() {
        assert_eq!(
            arrival.body,
            request(arrival.path()).body.bytes,
            "{}",
            arrival.target
        );
    }
}

#[test]
fn nginx_copies_every_request() {
    let ports = std::array::from_fn(|_| free_port());
    let start = |ports: [u16; 4]| Proxy::nginx(&sample("nginx.conf", ports), ports[0]);
    let (recorded, service) = through(start, ports);
    check(&recorded, &service, "nginx-mirror", ports[0]);
    let headers = &recorded["/a%2Fb/c"].1.headers;
    assert!(
        headers.iter().any(|field| field == ("X-CaSe", "Yes")),
        "{headers:?}"
    );
    assert_eq!(headers.get("x-original-uri"), None);
    assert_eq!(
        recorded["/form"].1.headers.get("x-forwarded-for"),
        Some("203.0.113.5, 127.0.0.1")
    );
}

#[test]
fn envoy_copies_every_request() {
    let ports = std::array::from_fn(|_| free_port());
    let start = |ports: [u16; 4]| Proxy::envoy(&sample("envoy.yaml", ports), ports[0]);
    let (recorded, service) = through(start, ports);
    check(&recorded, &service, "envoy-mirror", ports[0]);
    // Envoy writes names in lower case, in its copy too.
    assert_eq!(recorded["/a%2Fb/c"].1.headers.get("x-case"), Some("Yes"));
}

/// The sample as it is.
#[test]
fn nginx_takes_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = workspace().join("recorder/deploy/nginx.conf");
    let place = folder.path().display().to_string();
    let text = std::fs::read_to_string(path)
        .unwrap()
        .replace("/var/log/nginx", &place);
    let copy = folder.path().join("nginx.conf");
    std::fs::write(
        &copy,
        text.replace("/run/nginx.pid", &format!("{place}/pid")),
    )
    .unwrap();
    let mut nginx = Command::new("nginx");
    nginx
        .arg("-t")
        .arg("-p")
        .arg(folder.path())
        .arg("-c")
        .arg(&copy);
    let ran = run(&mut nginx).expect_code(0);
    assert!(
        ran.stderr.contains("test is successful") && !ran.stderr.contains("[warn]"),
        "{}",
        ran.stderr
    );
}
