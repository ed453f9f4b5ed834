use super::*;
use crate::Charset;
use crate::testing::exchange;

fn sample(share: f64, by: &str) -> Sample {
    Sample {
        share,
        by: by.parse().unwrap(),
    }
}

#[test]
fn shares_are_read_in_three_ways() {
    for (text, share) in [
        ("10%", 0.1),
        ("0.1", 0.1),
        ("1/10", 0.1),
        ("100%", 1.0),
        ("1", 1.0),
        ("0", 0.0),
        ("12.5 %", 0.125),
        ("1/4", 0.25),
    ] {
        assert_eq!(parse_share(text), Ok(share), "{text}");
    }
    for text in ["", "%", "110%", "-1", "2", "1/0", "0/0", "nan", "ten"] {
        assert_eq!(
            parse_share(text).unwrap_err().to_string(),
            format!("`{text}` is not a share from 0 to 1, such as 10%, 0.1 or 1/10")
        );
    }
}

#[test]
fn keys_are_read_as_they_are_written() {
    for text in ["client-ip", "connection", "header:X-User", "cookie:session"] {
        assert_eq!(text.parse::<SampleBy>().unwrap().to_string(), text);
    }
    for text in ["", "ip", "header:", "cookie", "client-ip:1"] {
        assert!(text.parse::<SampleBy>().is_err(), "{text}");
    }
}

#[test]
fn a_smaller_sample_is_part_of_a_larger_one() {
    for by in ["client-ip", "connection", "header:X-User", "cookie:session"] {
        let shares = [0.0, 0.1, 0.2, 0.5, 1.0];
        let mut kept = [0; 5];
        for number in 0..4_000 {
            let mut exchange = exchange(number * 4, 0);
            let connection = std::sync::Arc::make_mut(&mut exchange.connection);
            let [.., high, low] = number.to_be_bytes();
            connection.client = ([10, 0, high, low], 40_000).into();
            let request = exchange.request.as_mut().unwrap();
            request.headers = [
                ("X-User", format!("user-{number}").as_str()),
                ("Cookie", format!("theme=dark; session=s{number}").as_str()),
            ]
            .into_iter()
            .collect();
            let keeps = shares.map(|share| sample(share, by).keeps(&exchange));
            assert!(keeps.is_sorted(), "{by}: in a sample, out of a larger one");
            for (kept, keeps) in kept.iter_mut().zip(keeps) {
                *kept += u64::from(keeps);
            }
        }
        assert_eq!((kept[0], kept[4]), (0, 4_000));
        for (kept, share) in kept.into_iter().zip(shares) {
            let expected = 4_000.0 * share;
            let off = (kept as f64 - expected).abs();
            assert!(off < 120.0, "{by}: {kept} kept, about {expected} expected");
        }
    }
}

#[test]
fn one_user_is_always_in_or_always_out() {
    let by_cookie = sample(0.5, "cookie:session");
    for number in 0..50 {
        // Every seventh exchange has the same cookie, on different connections.
        let (one, other) = (exchange(number, 0), exchange(number + 7 * 8, 9));
        assert_ne!(one.connection.id, other.connection.id);
        assert_eq!(by_cookie.keeps(&one), by_cookie.keeps(&other));
    }
    // Names of headers have no case, and how a head became text makes no difference.
    let mut utf8 = exchange(0, 0);
    let request = utf8.request.as_mut().unwrap();
    request.headers.push("x-user", "J\u{fc}rgen");
    let mut latin1 = utf8.clone();
    latin1.make_latin1();
    assert_eq!(latin1.charset, Charset::Latin1);
    let by_header = sample(0.5, "header:X-User");
    assert!(by_header.point(&utf8) == by_header.point(&latin1));
}

#[test]
fn without_the_key_the_connection_decides() {
    let mut stranger = exchange(0, 0);
    stranger.request.as_mut().unwrap().headers = crate::Headers::default();
    let mut no_request = exchange(0, 0);
    no_request.request = None;
    let by_connection = sample(0.5, "connection").point(&exchange(3, 7));
    for exchange in [stranger, no_request] {
        for by in ["cookie:session", "header:Cookie"] {
            assert!(sample(0.5, by).point(&exchange) == by_connection);
        }
    }
}

#[test]
fn the_hash_is_part_of_the_format() {
    let exchange = exchange(0, 0);
    let points = ["client-ip", "connection", "cookie:session", "header:Host"]
        .map(|by| format!("{:.6}", sample(1.0, by).point(&exchange)));
    assert_eq!(points, ["0.166960", "0.552130", "0.945312", "0.497295"]);
}
