use bytes::Bytes;
use proptest::prelude::*;
use schema::{Body, Headers};

use super::*;
use crate::selection::tests::order;

fn key() -> RedactKey {
    RedactKey::new(b"a key for tests only").unwrap()
}

fn redaction(rules: &[&str]) -> Redaction {
    let rules: Vec<_> = rules.iter().map(|&rule| rule.to_owned()).collect();
    Redaction::new(&rules, Some(key())).unwrap()
}

/// The exchange after redaction, and what was counted.
fn redacted(rules: &[&str], mut exchange: Exchange) -> (Exchange, Tally) {
    let mut tally = Tally::default();
    redaction(rules).apply(&mut exchange, &mut tally, 1 << 20);
    (exchange, tally)
}

/// A request with these fields and this body, all of which is there.
fn request(headers: &[(&str, &str)], body: &[u8]) -> Exchange {
    let mut exchange = order();
    let request = exchange.request.as_mut().unwrap();
    request.headers = headers.iter().copied().collect();
    request.body = Body {
        bytes: Bytes::copy_from_slice(body),
        wire_bytes: body.len() as u64,
    };
    exchange
}

fn body_of(exchange: &Exchange) -> &str {
    let body = &exchange.request.as_ref().unwrap().body;
    std::str::from_utf8(&body.bytes).unwrap()
}

fn json(rules: &[&str], text: &str) -> String {
    let headers = [("Content-Type", "application/json")];
    let (exchange, tally) = redacted(rules, request(&headers, text.as_bytes()));
    assert_eq!(tally.bodies_masked, 0, "{text}");
    body_of(&exchange).to_owned()
}

#[test]
fn json_is_kept_but_for_what_is_marked() {
    let table: [(&[&str], &str, &str); 14] = [
        (
            &["json:/a"],
            r#"{"a":"x","b":"y"}"#,
            r#"{"a":"***","b":"y"}"#,
        ),
        (
            &["json:/a"],
            r#" { "A" : 1.50 , "b":[1 ,2] } "#,
            r#" { "A" : 0 , "b":[1 ,2] } "#,
        ),
        (
            &["json:/a"],
            r#"{"a":true,"b":null}"#,
            r#"{"a":false,"b":null}"#,
        ),
        (
            &["json:/a"],
            r#"{"a":"x","a":"y"}"#,
            r#"{"a":"***","a":"***"}"#,
        ),
        (&["json:/a"], r#"{"\u0061":"x"}"#, r#"{"\u0061":"***"}"#),
        (
            &["json:/a"],
            r#"{"a":{"b":["x",2,{"c":"y"}]}}"#,
            r#"{"a":{"b":["***",0,{"c":"***"}]}}"#,
        ),
        (
            &["json:/a/*/b"],
            r#"{"a":[{"b":"x"},{"c":"y"}]}"#,
            r#"{"a":[{"b":"***"},{"c":"y"}]}"#,
        ),
        (&["json:/a/1"], r#"{"a":["x","y"]}"#, r#"{"a":["x","***"]}"#),
        (
            &["json:/**/p*d"],
            r#"{"x":[{"pwd":"x"}],"pd":""}"#,
            r#"{"x":[{"pwd":"***"}],"pd":""}"#,
        ),
        (&["json:/a=drop"], r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        (
            &["json:/b=drop"],
            r#"{"a":1, "b":2, "c":3}"#,
            r#"{"a":1, "c":3}"#,
        ),
        (&["json:/*=drop"], r#"[1,[2],3]"#, "[]"),
        (
            &["json:/a"],
            "{\"a\":1}\n{\"a\":2}\n",
            "{\"a\":0}\n{\"a\":0}\n",
        ),
        (
            &["json:/**"],
            r#"["a\"b\\",{"c":"\ud83d\ude00"}]"#,
            r#"["***",{"c":"***"}]"#,
        ),
    ];
    for (rules, text, expected) in table {
        assert_eq!(json(rules, text), expected, "{rules:?} {text}");
    }
    let number = json(&["json:/a=pseudonymise"], r#"{"a":-12.50e3}"#);
    let value: serde_json::Value = serde_json::from_str(&number).unwrap();
    assert!(number.starts_with(r#"{"a":-"#) && number.ends_with("e3}") && value["a"].is_number());
}

#[test]
fn one_value_has_one_pseudonym_everywhere() {
    let headers = [
        ("Authorization", "Bearer s3cr3t"),
        ("Cookie", "a=b; sid=s3cr3t"),
        ("Referer", "http://u:s3cr3t@h/x/s3cr3t?t=s3cr3t#t=s3cr3t"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let mut exchange = request(&headers, b"t=s3%63r3t&u=1");
    let part = exchange.request.as_mut().unwrap();
    part.path = "/x/s3cr3t;t=s3cr3t".to_owned();
    part.query = Some("t=s3cr3t".to_owned());
    part.target = Some("http://h/x/s3cr3t;t=s3cr3t?t=s3cr3t".to_owned());
    let response = exchange.response.as_mut().unwrap();
    response.headers = [
        ("Set-Cookie", "sid=s3cr3t; Path=/"),
        ("Link", "</x/s3cr3t>; rel=next, <?t=s3cr3t>"),
        ("Refresh", "0; url=/?t=s3cr3t"),
    ]
    .into_iter()
    .collect();
    response.trailers = Some([("Authorization", "s3cr3t")].into_iter().collect());
    response.body.bytes = Bytes::from_static(br#"{"t":"s\u0033cr3t"}"#);
    response.body.wire_bytes = 19;
    let rules = [
        "header:authorization",
        "cookie:sid",
        "query:t",
        "form:t",
        "json:/t",
        "path:/x/{}",
    ]
    .map(|rule| format!("{rule}=pseudonymise"));
    let mut rules: Vec<_> = rules.iter().map(String::as_str).collect();
    rules.push("userinfo=drop");
    let (exchange, tally) = redacted(&rules, exchange);
    let p = key().pseudonym(pseudonym::Shape::Token, b"s3cr3t");
    let part = exchange.request.unwrap();
    let headers = |headers: &Headers, names: &[&str]| -> Vec<String> {
        let get = |name: &&str| headers.get(name).unwrap().to_owned();
        names.iter().map(get).collect()
    };
    assert_eq!(
        headers(&part.headers, &["authorization", "cookie", "referer"]),
        [
            format!("Bearer {p}"),
            format!("a=b; sid={p}"),
            format!("http://h/x/{p}?t={p}#t={p}")
        ]
    );
    assert_eq!(part.path, format!("/x/{p};t={p}"));
    assert_eq!(part.query, Some(format!("t={p}")));
    assert_eq!(part.target, Some(format!("http://h/x/{p};t={p}?t={p}")));
    assert_eq!(part.body.bytes, format!("t={p}&u=1"));
    let response = exchange.response.unwrap();
    assert_eq!(
        headers(&response.headers, &["set-cookie", "link", "refresh"]),
        [
            format!("sid={p}; Path=/"),
            format!("</x/{p}>; rel=next, <?t={p}>"),
            format!("0; url=/?t={p}")
        ]
    );
    assert_eq!(response.trailers.unwrap().get("authorization"), Some(&*p));
    assert_eq!(response.body.bytes, format!(r#"{{"t":"{p}"}}"#));
    assert!(
        tally.matches.iter().all(|&matches| matches > 0),
        "{tally:?}"
    );
}

/// What cannot be read is taken out whole, and the row says that it is not what was sent.
#[test]
fn bodies_that_cannot_be_read_are_masked() {
    const JSON: &str = "application/json";
    let utf16: Vec<u8> = "password=x"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let deep = "[".repeat(200) + &"]".repeat(200);
    let table: [(&str, &str, &[u8]); 11] = [
        (JSON, "", br#"{"password":"x"#),
        (JSON, "", br#"{"password":"x"} x"#),
        (JSON, "", br#"{"a":01}"#),
        (JSON, "", b"   "),
        (JSON, "", deep.as_bytes()),
        ("application/json; charset=utf-16", "", br#"{"a":1}"#),
        (JSON, "gzip", br#"{"a":1}"#),
        (JSON, "rot13", br#"{"a":1}"#),
        ("text/plain", "", br#"{"password":"#),
        ("application/x-www-form-urlencoded", "", &utf16),
        ("multipart/form-data; boundary=x", "", b"--x\r\n"),
    ];
    for (content_type, coding, body) in table {
        let headers = [("Content-Type", content_type), ("Content-Encoding", coding)];
        let headers = &headers[..if coding.is_empty() { 1 } else { 2 }];
        let rules = ["json:/password", "form:password"];
        let (exchange, tally) = redacted(&rules, request(headers, body));
        let kept = &exchange.request.as_ref().unwrap().body;
        assert_eq!(
            (kept.bytes.len(), kept.wire_bytes),
            (0, body.len() as u64),
            "{headers:?}"
        );
        assert_eq!(exchange.completeness, Completeness::RequestTruncated);
        assert_eq!(tally.bodies_masked, 1);
    }
}

#[test]
fn bodies_with_losses_are_masked_and_what_no_rule_names_is_kept() {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = b"a=1&password=secret";
    let mut gapped = request(&headers, body);
    gapped.request_missing_bytes = 5;
    gapped.completeness = Completeness::RequestGap;
    let mut cut = request(&headers, body);
    cut.request.as_mut().unwrap().body.wire_bytes = 100;
    for (exchange, completeness) in [
        (gapped, Completeness::RequestGap),
        (cut, Completeness::RequestTruncated),
    ] {
        let (exchange, _) = redacted(&["form:password"], exchange);
        assert_eq!(body_of(&exchange), "");
        assert_eq!(exchange.completeness, completeness);
    }
    let kept = request(&headers, body);
    assert_eq!(redacted(&["json:/password"], kept.clone()).0, kept);
    let image = request(&[("Content-Type", "image/png")], b"\x89PNG\0");
    assert_eq!(
        redacted(&["json:/password", "form:a"], image.clone()).0,
        image
    );
    let (exchange, _) = redacted(&["body:image/*"], image);
    assert_eq!(exchange.completeness, Completeness::RequestTruncated);
}

/// A digest of a short body tells which it was, also where nothing of it is stored.
#[test]
fn a_digest_goes_where_a_rule_may_name_something() {
    let table: [(&[&str], &str, bool); 6] = [
        (&["json:/pin"], "application/json", false),
        (&["json:/pin"], "application/vnd.api+json", false),
        (&["body:image/png"], "image/png", false),
        (&["body:image/png"], "image/jpeg", true),
        (&["form:pin"], "application/x-www-form-urlencoded", false),
        (&["header:x-pin"], "application/json", true),
    ];
    for (rules, content_type, kept) in table {
        for stored in [&b""[..], br#"{"pin":"#] {
            let mut exchange = order();
            let response = exchange.response.as_mut().unwrap();
            response.headers = [("Content-Type", content_type)].into_iter().collect();
            response.body = Body {
                bytes: Bytes::copy_from_slice(stored),
                wire_bytes: 12,
            };
            response.body_digest = Some(schema::BodyDigest(7));
            let (exchange, _) = redacted(rules, exchange);
            let digest = exchange.response.unwrap().body_digest;
            assert_eq!(digest.is_some(), kept, "{rules:?}, {content_type}");
        }
    }
}

#[test]
fn an_encoded_body_is_decoded_and_encoded_again() {
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
        let sent = schema::encode_content(coding, br#"{"password":"x","b":1}"#).unwrap();
        let length = sent.len().to_string();
        let headers = [
            ("Content-Type", "application/vnd.shop+json"),
            ("Content-Encoding", coding),
            ("Content-MD5", "x"),
            ("Content-Length", &length),
        ];
        let (exchange, _) = redacted(&["json:/password"], request(&headers, &sent));
        let request = exchange.request.unwrap();
        let stored = schema::decode_content(coding, &request.body.bytes, 1_000).unwrap();
        assert_eq!(stored, br#"{"password":"***","b":1}"#, "{coding}");
        let stored = request.body.bytes.len() as u64;
        assert_eq!(request.body.wire_bytes, stored);
        assert_eq!(
            request.headers.get("content-length"),
            Some(&*stored.to_string())
        );
        assert_eq!(request.headers.get("content-md5"), None);
        assert_eq!(exchange.completeness, Completeness::Complete);
    }
}

#[test]
fn paths_are_matched_as_servers_read_them() {
    let table = [
        ("path:/customers/{}", "/customers/42", "/customers/***"),
        (
            "path:/customers/{}",
            "//Customers/./4%32",
            "//Customers/./***",
        ),
        (
            "path:/customers/{}",
            "/customers/42/orders",
            "/customers/42/orders",
        ),
        (
            "path:/customers/{}/**",
            "/customers/42/orders/7",
            "/customers/***/orders/7",
        ),
        ("path:/**/orders/{}", "/a/b/orders/7", "/a/b/orders/***"),
        ("path:/**/{}/x/**", "/a/x/b/x/c", "/***/x/***/x/c"),
        ("path:/*/{}", "/a;v=1/b;w=2", "/a;v=1/***;w=2"),
        ("path:/customers/{}", "customers/42", "customers/***"),
    ];
    for (rule, path, expected) in table {
        let mut exchange = order();
        exchange.request.as_mut().unwrap().path = path.to_owned();
        let (exchange, _) = redacted(&[rule], exchange);
        assert_eq!(exchange.request.unwrap().path, expected, "{rule}");
    }
}

#[test]
fn the_preset_takes_credentials() {
    let headers = [
        ("authorization", "Basic dTpw"),
        ("Cookie", "theme=x; sid=y"),
        ("X-Api-Key", "k"),
        ("Accept", "*/*"),
    ];
    let (exchange, _) = redacted(&["preset:credentials"], request(&headers, b""));
    let values: Vec<_> = exchange.request.as_ref().unwrap().headers.iter().collect();
    assert_eq!(
        values,
        [
            ("authorization", "Basic ***"),
            ("Cookie", "theme=***; sid=***"),
            ("X-Api-Key", "***"),
            ("Accept", "*/*")
        ]
    );
    let text = r#"{"user":{"newPassword":"a","access_token":"b","name":"c"}}"#;
    let expected = r#"{"user":{"newPassword":"***","access_token":"***","name":"c"}}"#;
    assert_eq!(json(&["preset:credentials"], text), expected);
}

#[test]
fn a_policy_is_named_without_its_key() {
    let rules = ["header:a".to_owned(), "cookie:b=pseudonymise".to_owned()];
    let error = Redaction::new(&rules, None).unwrap_err().to_string();
    assert_eq!(
        error,
        "`cookie:b=pseudonymise` makes pseudonyms and needs a key"
    );
    let named = Redaction::new(&rules, Some(key())).unwrap().to_string();
    let key_id = key().id().to_owned();
    assert!(named.starts_with("2 rules sha256:") && named.ends_with(&format!(", key {key_id}")));
    assert_ne!(named, redaction(&["header:a"]).to_string());
}

#[test]
fn a_sample_by_what_is_taken_away_is_refused() {
    let policy = redaction(&["cookie:sid", "header:x=pseudonymise"]);
    let by = |text: &str| policy.blinds(&text.parse().unwrap()).map(str::to_owned);
    assert_eq!(by("cookie:sid").as_deref(), Some("cookie:sid"));
    for kept in ["cookie:other", "header:x", "client-ip", "connection"] {
        assert_eq!(by(kept), None);
    }
    let whole = redaction(&["header:cookie=pseudonymise"]);
    assert!(whole.blinds(&"cookie:sid".parse().unwrap()).is_some());
}

proptest! {
    /// Any JSON is the same after rules that match nothing, and JSON of the same shape after one that matches everything.
    #[test]
    fn json_stays_json(value in json_value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let headers = [("Content-Type", "application/json")];
        let sent = request(&headers, text.as_bytes());
        prop_assert_eq!(&redacted(&["json:/no such name"], sent.clone()).0, &sent);
        let (exchange, tally) = redacted(&["json:/**=pseudonymise:auto"], sent);
        prop_assert_eq!(tally.bodies_masked, 0);
        let after: serde_json::Value = serde_json::from_str(body_of(&exchange)).unwrap();
        prop_assert!(same_shape(&value, &after), "{} {}", value, after);
    }

    /// Whatever a body holds, reading it ends, and a marked name's value is gone.
    #[test]
    fn any_body_is_survived(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for content_type in ["application/json", "text/plain", "application/problem+json"] {
            let body = [br#"{"password":"s3cr3t", "x":"#.as_slice(), &body].concat();
            let headers = [("Content-Type", content_type)];
            let (exchange, _) = redacted(&["json:/password", "form:*"], request(&headers, &body));
            let kept = &exchange.request.as_ref().unwrap().body.bytes;
            prop_assert!(memchr::memmem::find(kept, b"s3cr3t").is_none());
        }
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f32>().prop_map(|number| f64::from(number).into()),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[a-z\"\\\\é]{0,6}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn same_shape(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Bool, Null, Number, Object, String};
    match (a, b) {
        (Null, Null) | (Bool(_), Bool(_)) | (Number(_), Number(_)) | (String(_), String(_)) => true,
        (Array(a), Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b))
        }
        (Object(a), Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| same_shape(a, b))
        }
        _ => false,
    }
}
