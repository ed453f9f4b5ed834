//! Targets behind TLS: what arrives is what was recorded, and only a target that is trusted gets it.

use tests::{Certificates, TlsFront};

use super::*;

const POST: &str = "POST /a/../<b>?q=\"{}\" HTTP/1.1\r\nhost: shop.test\r\nX-oDD: 1\r\ncontent-LENGTH: 5\r\nx-odd: 2\r\n\r\nhello";

fn recorded() -> Recorded {
    let requests = ["GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", POST];
    Recorded::new(&one_by_one(
        &requests.map(str::to_owned),
        Duration::from_millis(1),
    ))
}

#[test]
fn the_recorded_bytes_arrive_through_tls() {
    let (certificates, target) = (Certificates::make(), Target::start(ok));
    let front = TlsFront::bytes(&certificates, target.address(), false);
    let flags = [
        "--no-forwarded",
        "--no-reprise-headers",
        "--ca-file",
        &certificates.text("ca.pem"),
    ];
    let ran = recorded().replay(&front.url(), &flags).expect_code(0);
    assert_eq!(document(&ran).totals.matched, 2);
    let mut arrivals = target.arrivals();
    arrivals.sort_by_key(|arrival| arrival.method.clone());
    let field = |(name, value): &(String, String)| format!("{name}: {value}");
    let heads: Vec<(String, Vec<String>)> = arrivals
        .iter()
        .map(|arrival| {
            (
                arrival.target.clone(),
                arrival.headers.iter().map(field).collect(),
            )
        })
        .collect();
    let expected: [(&str, &[&str]); 2] = [
        ("/", &["Host: shop.test"]),
        (
            "/a/../<b>?q=\"{}\"",
            &[
                "host: shop.test",
                "X-oDD: 1",
                "content-LENGTH: 5",
                "x-odd: 2",
            ],
        ),
    ];
    for ((path, fields), (expected_path, expected_fields)) in heads.iter().zip(expected) {
        assert_eq!(path, expected_path);
        assert_eq!(fields, expected_fields);
    }
    assert_eq!(arrivals[1].body, b"hello");
}

#[test]
fn a_target_that_is_not_trusted_gets_nothing() {
    let (certificates, others) = (Certificates::make(), Certificates::make());
    let target = Target::start(ok);
    let front = TlsFront::bytes(&certificates, target.address(), false);
    let other = recorded();
    let flags = ["--ca-file", &others.text("ca.pem")];
    let ran = other.replay(&front.url(), &flags).expect_code(2);
    assert!(ran.stderr.contains("certificate"), "{}", ran.stderr);
    assert!(target.arrivals().is_empty());
    assert!(!Path::new(&other.archive()).join("runs").exists());

    let insecure = recorded();
    let ran = insecure
        .replay(&front.url(), &["--insecure"])
        .expect_code(0);
    assert!(ran.stderr.contains("--insecure"), "{}", ran.stderr);
    assert!(document(&ran).target.insecure);
    assert_eq!(target.arrivals().len(), 2);
}

#[test]
fn a_target_that_asks_gets_the_client_certificate() {
    let (certificates, target) = (Certificates::make(), Target::start(ok));
    let front = TlsFront::bytes(&certificates, target.address(), true);
    let ca = certificates.text("ca.pem");
    let without = recorded();
    let _ran = without
        .replay(&front.url(), &["--ca-file", &ca])
        .expect_code(1);
    assert!(target.arrivals().is_empty());
    let (chain, key) = (
        certificates.text("client.pem"),
        certificates.text("client.key"),
    );
    let flags = [
        "--ca-file",
        &ca,
        "--client-cert",
        &chain,
        "--client-key",
        &key,
    ];
    let _ran = recorded().replay(&front.url(), &flags).expect_code(0);
    assert_eq!(target.arrivals().len(), 2);
}

#[test]
fn flags_of_tls_that_cannot_work_fail_before_anything_is_sent() {
    let certificates = Certificates::make();
    let (key, missing) = (
        certificates.text("ca.key"),
        certificates.text("missing.pem"),
    );
    let table: [(&str, &[&str], &str); 4] = [
        (
            "http://127.0.0.1:9",
            &["--insecure"],
            "are for https:// targets",
        ),
        (
            "https://127.0.0.1:9",
            &["--client-cert", &missing],
            "--client-key",
        ),
        (
            "https://127.0.0.1:9",
            &["--ca-file", &missing],
            "missing.pem",
        ),
        (
            "https://127.0.0.1:9",
            &["--ca-file", &key],
            "holds no certificate",
        ),
    ];
    let recorded = recorded();
    for (url, flags, expected) in table {
        let ran = recorded.replay(url, flags).expect_code(2);
        assert!(ran.stderr.contains(expected), "{flags:?}: {}", ran.stderr);
    }
}
