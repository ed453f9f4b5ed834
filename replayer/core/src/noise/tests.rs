use super::*;
use crate::compare::sample;

const ENDPOINT: &str = "GET shop.example /a";

/// The answer of a run that was sent `at_s` seconds after the recording.
fn answer(body: &str, at_s: i64) -> Exchange {
    let exchange = sample::exchange(
        "/a",
        200,
        &[("Content-Type", "application/json")],
        body.as_bytes(),
    );
    sample::replayed(exchange, at_s * 1_000_000)
}

/// Learns from pairs and says what the first difference of `candidate` from the first left answer is excused as.
fn excused(
    pairs: &[(&str, &str)],
    baseline: &str,
    again: &str,
    candidate: &str,
) -> Vec<Option<&'static str>> {
    let rules = Rules::default();
    let mut noise = Noise::default();
    for (left, right) in pairs {
        noise.learn(ENDPOINT, &answer(left, 0), &answer(right, 60), &rules);
    }
    let (baseline, again, candidate) = (
        answer(baseline, 0),
        answer(again, 60),
        answer(candidate, 120),
    );
    let places = |right: &Exchange| differences(&baseline, right, &rules).unwrap().kept;
    let unstable = places(&again)
        .into_iter()
        .map(|d| (d.part, d.location))
        .collect();
    let found = places(&candidate);
    found
        .iter()
        .map(|d| noise.excuses(ENDPOINT, d, (&baseline, &candidate), &unstable))
        .collect()
}

#[test]
fn a_timestamp_is_excused_where_the_clock_explains_it() {
    // The sample is recorded at 13:00:00 and replayed ten days later, at the same second.
    let at = |time: &str| format!(r#"{{"at":"2026-12-02T{time}Z"}}"#);
    let (left, right) = (at("13:00:00"), at("13:01:00"));
    let pairs = [(left.as_str(), right.as_str())];
    let verdict = |candidate: &str| excused(&pairs, &left, &right, candidate);
    assert_eq!(verdict(&at("13:02:01")), [Some("timestamp")]);
    // A zone that moved, another type, and one that disappeared are news.
    assert_eq!(verdict(&at("14:02:00")), [None]);
    let zoned = |time: &str| format!(r#"{{"at":"2026-12-02T{time}"}}"#);
    let baseline = zoned("13:00:00+00:00");
    for pairs in [
        &pairs[..0],
        &[(baseline.as_str(), &*zoned("13:01:00+00:00"))],
    ] {
        let again = |candidate: &str| excused(pairs, &baseline, &baseline, &zoned(candidate));
        assert_eq!(again("15:02:00+02:00"), [None], "the same moment elsewhere");
    }
    assert_eq!(verdict(r#"{"at":null}"#), [None]);
    assert_eq!(verdict("{}"), [None]);
    // Two answers in the same second by chance do not make the next one news.
    assert_eq!(
        excused(&pairs, &left, &left, &at("13:02:00")),
        [Some("timestamp")]
    );
}

#[test]
fn an_id_is_excused_only_where_it_is_new_in_every_run() {
    let pairs = [(r#"{"id":7}"#, r#"{"id":1007}"#)];
    assert_eq!(
        excused(&pairs, r#"{"id":8}"#, r#"{"id":1008}"#, r#"{"id":2008}"#),
        [Some("counter")]
    );
    assert_eq!(
        excused(&pairs, r#"{"id":5}"#, r#"{"id":5}"#, r#"{"id":6}"#),
        [None]
    );
    let pairs = [(
        r#"{"id":"6f1c0d9e-3f0a-4b6e-9d3a-0123456789ab"}"#,
        r#"{"id":"7f1c0d9e-3f0a-4b6e-9d3a-0123456789ab"}"#,
    )];
    let again = |candidate| excused(&pairs, pairs[0].0, pairs[0].1, candidate);
    assert_eq!(
        again(r#"{"id":"8f1c0d9e-3f0a-4b6e-9d3a-0123456789ab"}"#),
        [Some("uuid")]
    );
    assert_eq!(again(r#"{"id":"none"}"#), [None]);
    let upper = again(r#"{"id":"8F1C0D9E-3F0A-4B6E-9D3A-0123456789AB"}"#);
    assert_eq!(upper, [None]);
    let token = |candidate| {
        let pairs = [(
            r#"{"id":"9f86d081884c7d65"}"#,
            r#"{"id":"2c26b46b68ffc68f"}"#,
        )];
        excused(&pairs, pairs[0].0, pairs[0].1, candidate)
    };
    assert_eq!(token(r#"{"id":"fcde2b2edba56bf4"}"#), [Some("token")]);
    assert_eq!(token(r#"{"id":"FCDE2B2EDBA56BF4"}"#), [None]);
}

#[test]
fn jitter_excuses_no_rounding() {
    let pairs = [(r#"{"avg":0.30000000000000004}"#, r#"{"avg":0.3}"#)];
    let verdict = |candidate| excused(&pairs, pairs[0].0, pairs[0].0, candidate);
    assert_eq!(verdict(r#"{"avg":0.3}"#), [Some("jitter")]);
    assert_eq!(verdict(r#"{"avg":0.31}"#), [None]);
}

/// Both runs of the old build happened to add up alike: a float whose last digits come of the order of a sum tells by itself.
/// A sequence that is far along moves by less than a millionth between two runs, and by more until the next one.
#[test]
fn a_number_of_a_long_sequence_is_excused_where_it_is_new_in_every_run() {
    let of = |number: &str| format!(r#"{{"number":{number}}}"#);
    let (left, right) = (of("95754405"), of("95754415"));
    let pairs = [(left.as_str(), right.as_str())];
    let verdict = |again: &str, candidate: &str| excused(&pairs, &left, again, &of(candidate));
    assert_eq!(verdict(&right, "95759999"), [Some("counter")]);
    assert_eq!(verdict(&right, "-1"), [None]);
    // Where it did not move, one more is news.
    assert_eq!(verdict(&left, "95754406"), [None]);
}

#[test]
fn a_sum_of_floats_in_another_order_is_no_news() {
    let jitter = Some("jitter");
    let table = [
        ("4.550000000000002", "4.55", jitter),
        ("-681.9978354022355", "-681.9978354022358", jitter),
        ("0.30000000000000004", "0.3", jitter),
        // An exact decimal became a float.
        ("0.3", "0.30000000000000004", None),
        ("4.55", "4.550000000000002", None),
        // Farther than an order of a sum moves it.
        ("4.550000000000002", "4.5500000000001", None),
        ("4.550000000000002", "4.6", None),
        ("4.550000000000002", "-4.550000000000002", None),
        ("4.550000000000002", "null", None),
        ("4.550000000000002", "\"4.55\"", None),
        // Money of great amount: a cent.
        ("12345678901234.56", "12345678901234.57", None),
        // A NUMBER of 38 digits became a float.
        (
            "3.3333333333333333333333333333333333333",
            "3.3333333333333335",
            None,
        ),
        ("12345678901234567", "12345678901234568", None),
    ];
    for (baseline, candidate, wanted) in table {
        let body = |number| format!(r#"{{"avg":{number}}}"#);
        let (baseline, candidate) = (body(baseline), body(candidate));
        let pairs = [(baseline.as_str(), baseline.as_str())];
        let verdict = excused(&pairs, &baseline, &baseline, &candidate);
        assert_eq!(verdict, [wanted], "{baseline} to {candidate}");
    }
}

#[test]
fn an_order_is_excused_and_a_missing_row_is_not() {
    let pairs = [("[1,2,3]", "[3,2,1]")];
    let verdict = |candidate| excused(&pairs, "[1,2,3]", "[1,2,3]", candidate);
    assert_eq!(verdict("[2,1,3]"), [Some("random order")]);
    assert_eq!(verdict("[3,1]"), [Some("random order"), None]);
}

#[test]
fn a_text_may_change_its_numbers_and_not_its_words() {
    let pairs = [(r#"{"m":"job 12 done"}"#, r#"{"m":"job 13 done"}"#)];
    let verdict = |candidate| excused(&pairs, pairs[0].0, pairs[0].1, candidate);
    assert_eq!(
        verdict(r#"{"m":"job 99 done"}"#),
        [Some("text with numbers")]
    );
    assert_eq!(verdict(r#"{"m":"job 99 failed"}"#), [None]);
}

#[test]
fn what_was_learned_is_shown_with_its_evidence() {
    let mut noise = Noise::default();
    for n in 0..3 {
        let body = |id: i32| format!(r#"{{"id":{id},"x":1}}"#);
        noise.learn(
            ENDPOINT,
            &answer(&body(n), 0),
            &answer(&body(n + n % 2), 0),
            &Rules::default(),
        );
    }
    let fields = noise.fields();
    assert_eq!(fields.len(), 1);
    assert_eq!(
        (
            fields[0].location.as_str(),
            fields[0].evidence,
            fields[0].of
        ),
        ("$.id", 1, 3)
    );
    assert_eq!(fields[0].volatile, "counter");
    assert_ne!(noise.digest(), Noise::default().digest());
}

#[test]
fn a_time_that_is_written_otherwise_is_news() {
    let body = |time: &str| format!(r#"{{"at":"{time}"}}"#);
    let judged = |seen: [&str; 2], candidate: &str| {
        let (left, right) = (body(seen[0]), body(seen[1]));
        let pairs = [(left.as_str(), right.as_str())];
        excused(&pairs, &left, &right, &body(candidate))[0].is_some()
    };
    let micros = [
        "2026-12-02T13:00:00.123456+00:00",
        "2026-12-02T13:01:00.654321+00:00",
    ];
    let table = [
        ("2026-12-02T13:02:00.111111+00:00", true),
        // A zero at the end may be one that is not written.
        ("2026-12-02T13:02:00.11111+00:00", true),
        ("2026-12-02T13:02:00.111111", false),
        ("2026-12-02T13:02:00.111111Z", false),
        ("2026-12-02 13:02:00.111111+00:00", false),
        ("2026-12-02T13:02:00+00:00", false),
        ("2026-12-02T13:02:00.111111111+00:00", false),
    ];
    for (candidate, is_excused) in table {
        assert_eq!(judged(micros, candidate), is_excused, "{candidate}");
    }
    // Both forms were seen.
    let mixed = ["2026-12-02T13:00:00Z", "2026-12-02T13:01:00.5Z"];
    assert!(judged(mixed, "2026-12-02T13:02:00Z") && judged(mixed, "2026-12-02T13:02:00.2Z"));
    let dates = [
        "Wed, 02 Dec 2026 13:00:00 GMT",
        "Wed, 02 Dec 2026 13:01:00 GMT",
    ];
    assert!(judged(dates, "Wed, 02 Dec 2026 13:02:00 GMT"));
    assert!(!judged(dates, "2026-12-02T13:02:00Z"));
}

/// Both runs of the old build in the same second: nothing was learned, and the next one's time is no news all the same.
#[test]
fn a_time_of_the_answer_is_known_by_the_clock() {
    let at = |time: &str| format!(r#"{{"at":"2026-12-02T{time}","said":"at 2026-12-02T{time}!"}}"#);
    let (left, right) = (at("13:00:00Z"), at("13:01:00Z"));
    let verdict = |candidate: &str| excused(&[(&left, &left)], &left, &left, candidate);
    let clock = Some("timestamp");
    assert_eq!(verdict(&at("13:02:01Z")), [clock, clock]);
    // Not near its own request, without its zone, of another precision, in another text: news.
    assert_eq!(verdict(&at("13:02:08Z")), [None, None]);
    assert_eq!(verdict(&at("13:02:00")), [None, None]);
    assert_eq!(verdict(&at("13:02:00.5Z")), [None, None]);
    let other = at("13:02:01Z").replace("said\":\"at", "said\":\"on");
    assert_eq!(verdict(&other), [clock, None]);
    // One pair was on both sides of a second, this one was not.
    let pairs = [(left.as_str(), right.as_str()), (&left, &left)];
    assert_eq!(
        excused(&pairs, &left, &left, &at("13:02:01Z")),
        [clock, clock]
    );
    // A stored time that is now the time of the answer is.
    let stored = at("12:00:00Z");
    let verdict = excused(&[(&stored, &stored)], &stored, &stored, &at("13:02:00Z"));
    assert_eq!(verdict, [None, None]);
    // Without a second run of the old build nothing is excused.
    assert_eq!(excused(&[], &left, &left, &at("13:02:01Z")), [None, None]);
}

/// The same of times with the name of their month, in a field of the head and in text.
#[test]
fn a_time_of_the_answer_is_known_however_fields_write_it() {
    let at = |time: &str, at_s: i64| {
        let mut exchange = answer(&format!(r#"{{"said":"{time}, or so"}}"#), at_s);
        let response = exchange.response.as_mut().unwrap();
        response.headers.push("X-Generated", time);
        exchange
    };
    let verdict = |baseline: &str, candidate: &str| {
        let (left, right) = (at(baseline, 0), at(candidate, 120));
        let (rules, mut noise) = (Rules::default(), Noise::default());
        noise.learn(ENDPOINT, &left, &left, &rules);
        let found = differences(&left, &right, &rules).unwrap().kept;
        let excused = found.iter().map(|difference| {
            let excused =
                noise.excuses(ENDPOINT, difference, (&left, &right), &FxHashSet::default());
            excused.is_some()
        });
        excused.collect::<Vec<bool>>()
    };
    let forms = [
        [
            "Wed, 02 Dec 2026 13:00:00 GMT",
            "Wed, 02 Dec 2026 13:02:01 GMT",
        ],
        [
            "Wednesday, 02-Dec-26 13:00:00 GMT",
            "Wednesday, 02-Dec-26 13:02:00 GMT",
        ],
        ["Wed Dec  2 13:00:00 2026", "Wed Dec  2 13:02:00 2026"],
        [
            "Wed, 2 Dec 2026 15:00:00 +0200",
            "Wed, 2 Dec 2026 15:02:00 +0200",
        ],
    ];
    for [baseline, candidate] in forms {
        assert_eq!(verdict(baseline, candidate), [true, true], "{baseline}");
    }
    let fixed = forms[0][0];
    for news in [
        "Wed, 02 Dec 2026 13:02:08 GMT",
        "Wed, 02 Dec 2026 13:02:00 UTC",
        "Wed, 02 Dec 2026 15:02:00 +0200",
        "Wed, 02-Dec-2026 13:02:00 GMT",
        "2026-12-02T13:02:00Z",
        "Wed, 02 Dec 2026 13:02:00",
    ] {
        assert_eq!(verdict(fixed, news), [false, false], "{news}");
    }
}

#[test]
fn a_measure_that_is_negative_for_the_first_time_is_news() {
    let (left, right) = (r#"{"elapsed_ms":3}"#, r#"{"elapsed_ms":9}"#);
    let verdict = |pairs: &[(&str, &str)], candidate: &str| excused(pairs, left, right, candidate);
    let pairs = [(left, right)];
    assert_eq!(verdict(&pairs, r#"{"elapsed_ms":700}"#), [Some("measure")]);
    assert_eq!(verdict(&pairs, r#"{"elapsed_ms":-5}"#), [None]);
    let negative = [(left, right), (left, r#"{"elapsed_ms":-1}"#)];
    assert_eq!(
        verdict(&negative, r#"{"elapsed_ms":-5}"#),
        [Some("measure")]
    );
}
