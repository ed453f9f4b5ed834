//! What is learned, and where it goes.

mod doubts;
mod kept;

use bytes::Bytes;
use schema::{Body, Headers};

use super::*;
use crate::testing::exchange;

const SCOPE: Scope = Scope {
    session: 7,
    pass: 0,
};
/// Random values as services issue them: recorded, and the target's.
const OLD: &str = "9f86d081884c7d659a2feaa0c55ad015";
const NEW: &str = "b5bb9d8014a0f9b1d61e21e796d78dcc";

/// An answer: its head after the status, and its body.
#[derive(Clone, Copy)]
struct Said<'a>(u16, &'a [(&'a str, &'a str)], &'a str);

fn answered(said: Said<'_>) -> Exchange {
    let mut exchange = exchange(1, 0, 0);
    let response = exchange.response.as_mut().unwrap();
    response.status = said.0;
    response.headers = said.1.iter().copied().collect();
    response.body = body(said.2);
    exchange
}

fn body(text: &str) -> Body {
    Body {
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        wire_bytes: text.len() as u64,
    }
}

fn correlator(rules: &[&str]) -> Correlator {
    let correlation = Correlation {
        automatic: true,
        rules: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
    };
    Correlator::new(correlation, &Limits::default())
}

fn teach(correlator: &mut Correlator, recorded: Said<'_>, actual: Said<'_>) {
    let limits = Limits::default();
    let extracted = correlator
        .rules
        .extract(&answered(recorded), &answered(actual), &limits);
    correlator.learn(extracted, SCOPE);
}

/// The same answer but for one value.
fn taught(
    rules: &[&str],
    answer: impl Fn(&str) -> (Vec<(&'static str, String)>, String),
) -> Correlator {
    taught_values(rules, [OLD, NEW], answer)
}

fn taught_values(
    rules: &[&str],
    values: [&str; 2],
    answer: impl Fn(&str) -> (Vec<(&'static str, String)>, String),
) -> Correlator {
    let mut correlator = correlator(rules);
    let [old, new] = values.map(&answer);
    fn fields<'a>(
        answer: &'a (Vec<(&'static str, String)>, String),
    ) -> Vec<(&'static str, &'a str)> {
        answer
            .0
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect()
    }
    let (left, right) = (fields(&old), fields(&new));
    teach(
        &mut correlator,
        Said(200, &left, &old.1),
        Said(200, &right, &new.1),
    );
    correlator
}

/// `path?query`, fields and body after correlation.
fn sent(correlator: &mut Correlator, target: &str, headers: &[(&str, &str)], text: &str) -> String {
    let request = request(target, headers, text);
    let request = applied(correlator, request);
    let query = request
        .query
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut sent = format!("{}{query}", request.path);
    for (name, value) in request.headers.iter() {
        sent += &format!(" {name}: {value}");
    }
    let text = String::from_utf8(request.body.bytes.to_vec()).unwrap();
    if text.is_empty() {
        sent
    } else {
        format!("{sent} {text}")
    }
}

fn request(target: &str, headers: &[(&str, &str)], text: &str) -> Request {
    let mut request = exchange(1, 1, 0).request.unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    (request.path, request.query) = (path.to_owned(), query);
    request.headers = headers.iter().copied().collect::<Headers>();
    request.body = body(text);
    request
}

fn applied(correlator: &mut Correlator, mut request: Request) -> Request {
    correlator.apply(&mut request, SCOPE);
    request
}

/// Wherever a random value comes from, it is learned.
#[test]
fn random_values_are_learned_wherever_they_stand() {
    type Answer = fn(&str) -> (Vec<(&'static str, String)>, String);
    let sources: [(&str, Answer); 11] = [
        ("cookie:sid", |v| {
            (
                vec![("Set-Cookie", format!("sid={v}; Path=/; HttpOnly"))],
                String::new(),
            )
        }),
        ("cookie:sid", |v| {
            (vec![("Set-Cookie", format!("sid=\"{v}\""))], String::new())
        }),
        ("header:x-csrf-token", |v| {
            (vec![("X-CSRF-Token", v.to_owned())], String::new())
        }),
        ("header:location", |v| {
            (
                vec![("Location", format!("http://shop.test/cb?code={v}&x=1"))],
                String::new(),
            )
        }),
        ("header:etag", |v| {
            (vec![("ETag", format!("W/\"{v}\""))], String::new())
        }),
        ("json:/data/*/token", |v| {
            (vec![], format!(r#"{{"n":1,"data":[{{"token":"{v}"}}]}}"#))
        }),
        ("json:/next", |v| {
            (
                vec![],
                format!(r#"{{"next":"https://shop.test/orders?cursor={v}"}}"#),
            )
        }),
        ("html:csrf", |v| {
            (
                vec![],
                format!(r#"<form><input type="hidden" name="csrf" value="{v}"></form>"#),
            )
        }),
        ("html:csrf-token", |v| {
            (vec![], format!(r#"<meta name="csrf-token" content="{v}">"#))
        }),
        ("text", |v| {
            (vec![], format!("<script>var token = '{v}';</script>"))
        }),
        ("text", |v| {
            (vec![], format!("<session><id>{v}</id></session>"))
        }),
    ];
    for (source, answer) in sources {
        let mut correlator = taught(&[], answer);
        let auth = format!("Bearer {OLD}");
        let sent = sent(&mut correlator, "/", &[("Authorization", &auth)], "");
        assert_eq!(sent, format!("/ Authorization: Bearer {NEW}"), "{source}");
        let report = correlator.report();
        let line = &report.sources[0];
        assert_eq!((&*line.source, line.learned, line.used), (source, 1, 1));
        assert_eq!(line.places[0].reason, "header");
    }
}

#[test]
fn a_value_is_put_wherever_the_recorded_one_stands() {
    let mut correlator = taught(&[], |v| {
        (vec![("Set-Cookie", format!("sid={v}"))], String::new())
    });
    let json = [
        ("Content-Type", "application/json"),
        ("Content-Length", "99"),
    ];
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    type Fields<'a> = [(&'a str, &'a str)];
    let cases: [(&str, &Fields<'_>, String, String); 8] = [
        (
            &format!("/s/{OLD}/x?a=1&t={OLD}"),
            &[],
            String::new(),
            format!("/s/{NEW}/x?a=1&t={NEW}"),
        ),
        // In another value, encoded once more.
        (
            &format!("/?next=%2Fcb%3Ft%3D{OLD}%26a"),
            &[],
            String::new(),
            format!("/?next=%2Fcb%3Ft%3D{NEW}%26a"),
        ),
        (
            "/",
            &[("Cookie", &format!("a=1; sid={OLD}; b=2"))],
            String::new(),
            format!("/ Cookie: a=1; sid={NEW}; b=2"),
        ),
        (
            "/",
            &[("Referer", &format!("http://h/{OLD}"))],
            String::new(),
            format!("/ Referer: http://h/{NEW}"),
        ),
        (
            "/",
            &json,
            format!(r#"{{"t":"{OLD}"}}"#),
            format!(r#"/ Content-Type: application/json Content-Length: 40 {{"t":"{NEW}"}}"#),
        ),
        (
            "/",
            &form,
            format!("a=b&t={OLD}"),
            format!("/ Content-Type: application/x-www-form-urlencoded a=b&t={NEW}"),
        ),
        // A part of a longer word is not the value.
        (
            &format!("/{OLD}a/b{OLD}"),
            &[],
            String::new(),
            format!("/{OLD}a/b{OLD}"),
        ),
        (
            "/",
            &[("Host", OLD)],
            String::new(),
            format!("/ Host: {OLD}"),
        ),
    ];
    for (target, headers, text, expected) in cases {
        assert_eq!(sent(&mut correlator, target, headers, &text), expected);
    }
    assert_eq!(correlator.report().requests_changed, 6);
}

/// The recorded value is written in a URL as a URL needs it, and so is the target's.
#[test]
fn encodings_are_kept() {
    let (old, new) = ("q3/Ab+9xYz0kLm7Pw==", "Zt8+Rs/1uVw2Xy3N4a==");
    let mut correlator = taught_values(&[], [old, new], |v| {
        (vec![("X-Token", v.to_owned())], String::new())
    });
    let cases = [
        (
            "/?t=q3%2FAb%2B9xYz0kLm7Pw%3D%3D",
            "/?t=Zt8%2BRs%2F1uVw2Xy3N4a%3D%3D",
        ),
        (
            "/?t=q3%2fAb%2b9xYz0kLm7Pw%3d%3d",
            "/?t=Zt8%2bRs%2f1uVw2Xy3N4a%3d%3d",
        ),
        ("/?t=q3/Ab+9xYz0kLm7Pw==", "/?t=Zt8+Rs/1uVw2Xy3N4a=="),
    ];
    for (target, expected) in cases {
        assert_eq!(sent(&mut correlator, target, &[], ""), expected);
    }
    let php = r#"{"t":"q3\/Ab+9xYz0kLm7Pw=="}"#;
    assert_eq!(
        sent(&mut correlator, "/", &[], php),
        r#"/ {"t":"Zt8+Rs\/1uVw2Xy3N4a=="}"#
    );
    // One without signs is replaced by one with: encoded where it would not be read back.
    let mut correlator = taught_values(&[], [OLD, new], |v| {
        (vec![("X-Token", v.to_owned())], String::new())
    });
    let target = format!("/?t={OLD}");
    assert_eq!(
        sent(&mut correlator, &target, &[], ""),
        "/?t=Zt8%2BRs%2F1uVw2Xy3N4a%3D%3D"
    );
    assert_eq!(
        sent(&mut correlator, "/", &[("X-T", OLD)], ""),
        format!("/ X-T: {new}")
    );
}

/// Scripts read a cookie decoded, and send it in a field (`X-XSRF-TOKEN`).
#[test]
fn a_cookie_that_a_script_decodes() {
    let values = [
        "eyJpdiI6IjA5aXk2Q0x4Z1E9PSJ9%3D",
        "eyJpdiI6Ik1wZmV5bWRkV0E9PSJ9%3D",
    ];
    let mut correlator = taught_values(&[], values, |v| {
        (
            vec![("Set-Cookie", format!("XSRF-TOKEN={v}"))],
            String::new(),
        )
    });
    let sent = sent(
        &mut correlator,
        "/",
        &[
            ("X-XSRF-TOKEN", "eyJpdiI6IjA5aXk2Q0x4Z1E9PSJ9="),
            ("Cookie", &format!("XSRF-TOKEN={}", values[0])),
        ],
        "",
    );
    assert_eq!(
        sent,
        format!(
            "/ X-XSRF-TOKEN: eyJpdiI6Ik1wZmV5bWRkV0E9PSJ9= Cookie: XSRF-TOKEN={}",
            values[1]
        )
    );
}

/// Any cookie is a cookie jar's, but a short value is the cookie's alone, and its session's.
#[test]
fn short_cookies_stay_with_their_name_and_session() {
    let mut correlator = taught_values(&[], ["7", "12"], |v| {
        (vec![("Set-Cookie", format!("cart={v}"))], String::new())
    });
    let cookie = [("Cookie", "n=7; cart=7; cart2=7")];
    assert_eq!(
        sent(&mut correlator, "/7?q=7", &cookie, "7"),
        "/7?q=7 Cookie: n=7; cart=12; cart2=7 7"
    );
    let mut other = request("/", &cookie, "");
    let elsewhere = Scope {
        session: 8,
        pass: 0,
    };
    assert!(!correlator.apply(&mut other, elsewhere));
    // A rule makes it count in all sessions.
    let mut correlator = taught_values(&["cookie:cart"], ["7", "12"], |v| {
        (vec![("Set-Cookie", format!("cart={v}"))], String::new())
    });
    assert!(correlator.apply(&mut other, elsewhere));
    assert_eq!(other.headers.get("cookie"), Some("n=7; cart=12; cart2=7"));
}

/// A short value that a rule names is put where it is the whole of something, in its session.
#[test]
fn short_values_that_a_rule_names() {
    let mut correlator = taught_values(&["json:/id"], ["42", "57"], |v| {
        (vec![], format!(r#"{{"id":{v},"n":42}}"#))
    });
    let json = [("Content-Type", "application/json")];
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(
        sent(
            &mut correlator,
            "/orders/42/x42?id=42&n=421",
            &[("X-Id", "42"), ("Cookie", "id=42")],
            ""
        ),
        "/orders/57/x42?id=57&n=421 X-Id: 57 Cookie: id=57"
    );
    let text = r#"{"id":42,"42":"42","s":"a42","l":[42,420,-42,"\"42"]}"#;
    assert_eq!(
        sent(&mut correlator, "/", &json, text),
        r#"/ Content-Type: application/json {"id":57,"42":"57","s":"a42","l":[57,420,-42,"\"42"]}"#
    );
    assert_eq!(
        sent(&mut correlator, "/", &form, "id=42&b=%34%32"),
        "/ Content-Type: application/x-www-form-urlencoded id=57&b=57"
    );
    assert!(!correlator.apply(
        &mut request("/42", &[], ""),
        Scope {
            session: 8,
            pass: 0
        }
    ));
    let mut correlator = taught_values(&["json:/id=path"], ["42", "57"], |v| {
        (vec![], format!(r#"{{"id":{v}}}"#))
    });
    assert_eq!(sent(&mut correlator, "/42?id=42", &[], ""), "/57?id=42");
    let mut correlator = taught_values(&["header:location"], ["42", "57"], |v| {
        (vec![("Location", format!("/orders/{v}"))], String::new())
    });
    assert_eq!(sent(&mut correlator, "/orders/42", &[], ""), "/orders/57");
}
