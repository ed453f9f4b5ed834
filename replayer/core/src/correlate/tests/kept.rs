//! What was learned, kept and taken up by another process.

use super::*;

fn through_json(learned: &Learned) -> Learned {
    let json = serde_json::to_vec(learned).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn asked(correlator: &mut Correlator) -> Request {
    let mut request = exchange(1, 1, 5).request.unwrap();
    request.path = format!("/items/{OLD}");
    request.headers = [("Cookie", "theme=light"), ("X-Token", OLD)]
        .into_iter()
        .collect();
    correlator.apply(&mut request, SCOPE);
    request
}

#[test]
fn another_process_goes_on_with_what_was_learned() {
    let rules = ["json:/token", "header:X-None"];
    let mut first = correlator(&rules);
    let recorded = [
        ("Set-Cookie", "theme=light"),
        ("Content-Type", "application/json"),
    ];
    let actual = [
        ("Set-Cookie", "theme=dark"),
        ("Content-Type", "application/json"),
    ];
    let body = |token: &str| format!("{{\"token\":\"{token}\"}}");
    let (old, new) = (body(OLD), body(NEW));
    teach(
        &mut first,
        Said(200, &recorded, &old),
        Said(200, &actual, &new),
    );
    let sent = asked(&mut first);
    assert_eq!(sent.path, format!("/items/{NEW}"));
    assert_eq!(sent.headers.get("cookie"), Some("theme=dark"));

    let learned = first.save();
    let json = serde_json::to_string(&learned).unwrap();
    assert!(!json.contains(OLD), "recorded values are hashes: {json}");
    let mut second = correlator(&rules);
    assert!(second.restore(through_json(&learned)));
    assert_eq!(second.report(), first.report());
    assert_eq!(asked(&mut second), sent);
    let (first, second) = (first.report(), second.report());
    assert_eq!(second.substitutions, 2 * first.substitutions);
    assert_eq!(second.values_learned, first.values_learned);
}

/// What is kept has a bound; what is beyond counts as forgotten.
#[test]
fn what_was_learned_last_is_kept() {
    let mut first = correlator(&[]);
    let value = |number: u32, side: &str| {
        let hash = schema::SampleBy::hash(side, &number.to_le_bytes());
        format!("{hash:016x}{:016x}", hash.rotate_left(17))
    };
    let json = [("Content-Type", "application/json")];
    for answer in 0..20 {
        let list = |side| {
            let values = (answer * 1_000..answer * 1_000 + 1_000).map(|number| value(number, side));
            format!("{:?}", values.collect::<Vec<_>>())
        };
        let (old, new) = (list("old"), list("new"));
        teach(&mut first, Said(200, &json, &old), Said(200, &json, &new));
    }
    let learned = through_json(&first.save());
    assert_eq!(learned.values.len(), 16_384);
    let mut second = correlator(&[]);
    assert!(second.restore(learned));
    let left_out = first.report().values_learned - 16_384;
    assert!(left_out > 3_000, "{left_out}");
    assert_eq!(second.report().values_forgotten, left_out);
    let mut sent = |number| {
        let mut request = exchange(1, 1, 5).request.unwrap();
        request.path = format!("/{}", value(number, "old"));
        second.apply(&mut request, SCOPE);
        request.path
    };
    assert_eq!(sent(19_999), format!("/{}", value(19_999, "new")));
    assert_eq!(sent(0), format!("/{}", value(0, "old")));
}

#[test]
fn what_is_not_sound_is_not_taken() {
    let first = taught(&[], |value| (Vec::new(), format!("{{\"a\":\"{value}\"}}")));
    let learned = first.save();
    assert!(!learned.values.is_empty());
    let mut elsewhere = learned.clone();
    elsewhere.values[0].source = 99;
    let mut other = learned;
    other.values[0].key = "no number".to_owned();
    for learned in [elsewhere, other] {
        let mut second = correlator(&[]);
        assert!(!second.restore(learned));
        assert_eq!(second.report().values_learned, 0);
    }
}
