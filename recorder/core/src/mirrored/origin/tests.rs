use schema::{Body, Headers, Request, Timestamp};

use super::{Proxy, address, restore, without_shadow};

fn request(target: &str, fields: &[(&str, &str)]) -> Request {
    let headers: Headers = fields.iter().copied().collect();
    Request {
        start: Timestamp::MIN,
        end: Timestamp::MIN,
        method: "GET".to_owned(),
        host: headers.get("host").map(str::to_owned),
        path: target.to_owned(),
        query: None,
        target: None,
        headers,
        body: Body::default(),
        trailers: None,
    }
}

#[test]
fn the_suffix_of_envoy_is_taken_off() {
    for (host, expected) in [
        ("shop.example-shadow", Some("shop.example")),
        ("shop.example-shadow:8443", Some("shop.example:8443")),
        ("10.0.0.1-shadow:80", Some("10.0.0.1:80")),
        ("shop.example", None),
        ("shop-shadow.example", None),
        ("shop.example:80-shadow", Some("shop.example:80")),
        ("-shadow", None),
        ("", None),
    ] {
        assert_eq!(without_shadow(host).as_deref(), expected, "{host}");
    }
    let mut request = request(
        "/a",
        &[
            ("hOsT", "a-shadow:1"),
            ("X-Original-URI", "/evil"),
            ("b", "c-shadow"),
        ],
    );
    assert_eq!(restore(&mut request).0, Proxy::Envoy);
    // What a client sends through Envoy is not believed.
    assert_eq!(
        (request.host.as_deref(), &*request.path),
        (Some("a:1"), "/a")
    );
    let fields: Vec<_> = request.headers.iter().collect();
    assert_eq!(
        fields,
        [
            ("hOsT", "a:1"),
            ("X-Original-URI", "/evil"),
            ("b", "c-shadow")
        ]
    );
}

#[test]
fn what_nginx_was_asked_for_is_put_back() {
    let fields = [
        ("Host", "a"),
        ("X-Original-URI", "/a%2Fb?x=1&y=%20"),
        ("X-Real-IP", "10.0.0.9"),
    ];
    let mut request = request("/mirror", &fields);
    let (proxy, client) = restore(&mut request);
    assert_eq!(
        (proxy, client),
        (Proxy::Nginx, Some("10.0.0.9:0".parse().unwrap()))
    );
    assert_eq!(
        (&*request.path, request.query.as_deref()),
        ("/a%2Fb", Some("x=1&y=%20"))
    );
    let fields: Vec<_> = request.headers.iter().collect();
    assert_eq!(fields, [("Host", "a"), ("X-Real-IP", "10.0.0.9")]);
}

#[test]
fn who_does_not_say_is_another_proxy() {
    let cases: [(&[(&str, &str)], Proxy); 3] = [
        (&[("Host", "a")], Proxy::Other),
        (&[("Host", "a"), ("X-Envoy-Internal", "true")], Proxy::Envoy),
        (&[("Host", "a-shadow")], Proxy::Envoy),
    ];
    for (fields, proxy) in cases {
        assert_eq!(restore(&mut request("/", fields)).0, proxy, "{fields:?}");
    }
    assert_eq!(&*Proxy::Envoy.source(), "envoy-mirror");
    assert_eq!(&*Proxy::Nginx.source(), "nginx-mirror");
    assert_eq!(&*Proxy::Other.source(), "http-mirror");
}

/// What a proxy vouches for goes before lists, which clients can begin.
#[test]
fn the_client_is_who_the_proxy_says() {
    let check = |fields: &[(&str, &str)], expected: Option<&str>| {
        let client = restore(&mut request("/", fields)).1;
        assert_eq!(
            client,
            expected.map(|text| text.parse().unwrap()),
            "{fields:?}"
        );
    };
    let (list, real) = (
        ("X-Forwarded-For", "1.1.1.1, 2.2.2.2"),
        ("X-Real-IP", "3.3.3.3"),
    );
    check(&[list], Some("1.1.1.1:0"));
    check(&[list, real], Some("3.3.3.3:0"));
    check(
        &[list, ("X-Envoy-External-Address", "4.4.4.4")],
        Some("4.4.4.4:0"),
    );
    let standard = "proto=https;For=\"[2001:db8::1]:47\", for=2.2.2.2";
    check(&[list, ("Forwarded", standard)], Some("[2001:db8::1]:47"));
    let with_port = ("X-Forwarded-For", "5.5.5.5:66");
    check(
        &[("Forwarded", "for=unknown"), with_port],
        Some("5.5.5.5:66"),
    );
    check(&[("Forwarded", "for=_hidden")], None);
    check(&[("X-Forwarded-For", "nobody")], None);
    check(&[], None);
}

#[test]
fn addresses_are_read_in_every_form() {
    for (text, expected) in [
        ("10.0.0.1", Some("10.0.0.1:0")),
        (" 10.0.0.1 ", Some("10.0.0.1:0")),
        ("10.0.0.1:80", Some("10.0.0.1:80")),
        ("\"[::1]:80\"", Some("[::1]:80")),
        ("[::1]", Some("[::1]:0")),
        ("::1", Some("[::1]:0")),
        ("::ffff:10.0.0.1", Some("10.0.0.1:0")),
        ("", None),
        ("10.0.0", None),
    ] {
        assert_eq!(
            address(text),
            expected.map(|text| text.parse().unwrap()),
            "{text}"
        );
    }
}
