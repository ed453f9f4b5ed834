//! What is lost: gaps, cut segments, ends that were not seen, and bounds.

use super::*;

#[test]
fn declares_what_the_peer_acknowledged_lost_after_a_grace() {
    let lost = after_handshake(&[
        data(A, 101, 501, "abc"),
        data(A, 107, 501, "ghi"),
        ack(B, 501, 110),
    ]);
    let mut run = Script::new(Limits::default());
    run.play(&lost);
    assert_eq!(run.told(), ["open A 101", "A 0 abc"], "within the grace");
    run.pass(Duration::from_millis(49));
    assert_eq!(run.told(), ["open A 101", "A 0 abc"], "just before it ends");
    run.pass(Duration::from_millis(1));
    assert_eq!(run.told(), ["open A 101", "A 0 abc", "A gap 3", "A 6 ghi"]);
    assert_eq!(
        (run.counters.ledger.gaps, run.counters.ledger.gap_bytes),
        (1, 3)
    );

    let mut run = Script::new(Limits::default());
    run.play(&lost);
    run.play(&[data(A, 104, 501, "def")]);
    assert_eq!(
        run.told(),
        ["open A 101", "A 0 abcdefghi"],
        "it was only late"
    );

    let mut run = Script::new(Limits::default());
    run.play(&lost);
    for _ in 0..1_023 {
        run.play_at_once(&[ack(B, 501, 110)]);
    }
    assert_eq!(run.told(), ["open A 101", "A 0 abc"], "1,023 frames");
    run.play_at_once(&[ack(B, 501, 110)]);
    assert_eq!(
        run.told().last().unwrap(),
        "A 6 ghi",
        "1,024 frames end the grace"
    );
}

#[test]
fn waits_for_what_the_peer_did_not_acknowledge() {
    let mut run = Script::new(Limits::default());
    run.play(&after_handshake(&[
        data(A, 104, 501, "def"),
        ack(B, 501, 101),
    ]));
    run.pass(Duration::from_secs(9));
    assert_eq!(
        run.told(),
        Vec::<String>::new(),
        "the network lost it: it will be sent again"
    );
    run.play(&[data(A, 101, 501, "abc")]);
    assert_eq!(run.told(), ["open A 101", "A 0 abcdef"]);

    let mut run = Script::new(Limits::default());
    run.play(&after_handshake(&[
        data(A, 104, 501, "def"),
        ack(B, 501, 101),
    ]));
    run.pass(Duration::from_secs(11));
    assert_eq!(run.told(), ["open A 101", "A gap 3", "A 3 def"]);
}

#[test]
fn one_direction_is_enough() {
    let answers = [
        data(B, 501, 104, "one"),
        data(B, 504, 107, "two"),
        data(B, 507, 110, "three"),
    ];
    let told = ["open - 501", "B 0 onetwothree", "A unknown", "B unknown"];
    let mut run = Script::new(Limits::default());
    run.play(&answers[..1]);
    run.pass(Duration::from_millis(60));
    run.play(&answers[1..2]);
    run.pass(Duration::from_millis(60));
    assert_eq!(run.told(), ["open - 501", "B 0 onetwo"]);
    // From now on nobody waits for the other direction.
    run.play(&answers[2..]);
    assert_eq!(run.told(), ["open - 501", "B 0 onetwothree"]);
    run.finish(Close::Unknown);
    assert_eq!(run.told(), told);
    assert_eq!(run.counters.anomaly(Anomaly::TcpOneSided), 1);
    assert_eq!(
        run.counters.ledger.gaps, 0,
        "a direction that is not mirrored is no gap"
    );
    check("all at once", &answers, &told);

    let mut run = Script::new(Limits::default());
    run.play(&[data(B, 501, 104, "one"), data(B, 507, 104, "three")]);
    run.pass(Duration::from_millis(1_900));
    assert_eq!(run.told(), ["open - 501", "B 0 one"]);
    run.pass(Duration::from_millis(150));
    assert_eq!(
        run.told(),
        ["open - 501", "B 0 one", "B gap 3", "B 6 three"]
    );
}

#[test]
fn a_cut_segment_is_a_hole_at_its_end() {
    let cases: &[(&str, &[script::Line], &[&str])] = &[
        (
            "in order",
            &[data(A, 101, 501, "abc").cut(4), data(A, 108, 501, "hij")],
            &["A 0 abc", "A gap 4", "A 7 hij"],
        ),
        (
            "whole copy of a held one",
            &[
                data(A, 105, 501, "e").cut(2),
                data(A, 105, 501, "efg"),
                data(A, 101, 501, "abcd"),
            ],
            &["A 0 abcdefg"],
        ),
        (
            "only the header is left",
            &[data(A, 101, 501, "").cut(3), data(A, 104, 501, "def")],
            &["A gap 3", "A 3 def"],
        ),
        (
            "only the header of a copy is left",
            &[
                data(A, 104, 501, "def"),
                data(A, 105, 501, "").cut(1),
                data(A, 101, 501, "abc"),
            ],
            &["A 0 abcdef"],
        ),
        (
            "sent again, cut elsewhere",
            &[
                data(A, 101, 501, "abc").cut(3),
                data(A, 101, 501, "abcd").cut(2),
                data(A, 107, 501, "g"),
            ],
            &["A 0 abc", "A gap 3", "A 6 g"],
        ),
        (
            "held, then in order",
            &[
                data(A, 104, 501, "d").cut(2),
                data(A, 107, 501, "g"),
                data(A, 101, 501, "abc"),
            ],
            &["A 0 abcd", "A gap 2", "A 6 g"],
        ),
    ];
    for (name, more, expected) in cases {
        let expected = [&["open A 101"], *expected, &["A unknown", "B unknown"]].concat();
        check(name, &after_handshake(more), &expected);
    }
}

#[test]
fn tails_that_are_lost_are_gaps() {
    let cases: &[(&str, &[script::Line], &[&str])] = &[
        (
            "acknowledged, then silence",
            &[data(A, 101, 501, "abc"), ack(B, 501, 110)],
            &["A 0 abc", "A gap 6", "A unknown", "B unknown"],
        ),
        (
            "the next request acknowledges an answer that was not seen",
            &[
                data(A, 101, 501, "abc"),
                data(B, 501, 104, "xy"),
                data(A, 104, 510, "def"),
            ],
            &[
                "A 0 abc",
                "B 0 xy",
                "B gap 7",
                "A 3 def",
                "A unknown",
                "B unknown",
            ],
        ),
        (
            "before the end",
            &[data(B, 501, 101, "xy"), fin(B, 509, 101), fin(A, 101, 510)],
            &["B 0 xy", "B gap 6", "B fin", "A fin"],
        ),
        (
            "only the FIN: no byte is lost",
            &[data(B, 501, 101, "xy"), ack(A, 101, 504), fin(A, 101, 504)],
            &["B 0 xy", "A fin", "B fin"],
        ),
        (
            "the FIN, and the client goes on sending",
            &[
                data(A, 101, 501, "abc"),
                ack(B, 501, 105),
                data(B, 501, 105, "xy"),
                fin(B, 503, 105),
            ],
            &["A 0 abc", "B 0 xy", "B fin", "A fin"],
        ),
        (
            "one byte, as what follows proves",
            &[
                data(A, 101, 501, "abc"),
                data(B, 501, 105, "xy"),
                data(A, 105, 503, "efg"),
            ],
            &[
                "A 0 abc",
                "A gap 1",
                "B 0 xy",
                "A 4 efg",
                "A unknown",
                "B unknown",
            ],
        ),
    ];
    for (name, more, expected) in cases {
        let script = after_handshake(more);
        check(name, &script, &[&["open A 101"], *expected].concat());
    }
}

#[test]
fn one_acknowledged_number_is_the_end_until_more_comes() {
    let before = after_handshake(&[data(A, 101, 501, "abc"), data(B, 501, 105, "xy")]);
    let mut run = Script::new(Limits::default());
    run.play(&before);
    run.pass(Duration::from_millis(60));
    assert_eq!(run.told(), ["open A 101", "A 0 abc", "B 0 xy"]);
    run.finish(Close::Unknown);
    assert_eq!(run.told()[3..], ["A fin", "B unknown"]);
    assert_eq!(run.counters.ledger.gaps, 0);

    let mut run = Script::new(Limits::default());
    run.play(&before);
    run.pass(Duration::from_millis(60));
    run.play(&[data(A, 105, 503, "efg")]);
    assert_eq!(run.told()[3..], ["A gap 1", "A 4 efg"]);
    run.finish(Close::Unknown);
    run.check_sums("one lost byte");
}

#[test]
fn resets_end_a_connection_after_what_they_overtook() {
    let mut run = Script::new(Limits::default());
    run.play(&after_handshake(&[
        data(A, 101, 501, "GET"),
        rst(B, 504),
        data(B, 501, 104, "200"),
    ]));
    assert_eq!(run.told(), ["open A 101", "A 0 GET", "B 0 200"]);
    run.pass(Duration::from_millis(60));
    assert_eq!(
        run.told(),
        ["open A 101", "A 0 GET", "B 0 200", "A reset", "B reset"]
    );
    run.play(&[data(A, 104, 501, "late")]);
    assert_eq!(run.counters.anomaly(Anomaly::TcpAfterClose), 1);
    run.check_sums("reset");

    check(
        "the answer to a refused SYN",
        &[syn(A, 100), rst(B, 0).acks(101)],
        &["A reset", "B reset"],
    );
}

#[test]
fn bounds_hold() {
    let limits = Limits {
        held_bytes_half_max: 10 * (64 + 4),
        ..Limits::default()
    };
    let mut run = Script::new(limits);
    run.play(&after_handshake(&[ack(B, 501, 101)]));
    for index in 0..30 {
        run.play(&[data(A, 105 + 4 * index, 501, "data")]);
        assert!(run.held <= 10 * 68, "{index}: {} bytes held", run.held);
    }
    assert_eq!(run.counters.anomaly(Anomaly::TcpBufferFull), 1);
    assert_eq!(run.counters.ledger.gap_bytes, 4);

    let limits = Limits {
        held_bytes_max: 100,
        ..Limits::default()
    };
    let mut run = Script::new(limits);
    run.play(&after_handshake(&[
        data(A, 105, 501, "data"),
        data(A, 113, 501, "data"),
    ]));
    assert!(run.held <= 100, "{} bytes held", run.held);
    run.finish(Close::Unknown);
    assert_eq!(run.held, 0);
    run.check_sums("total");
}
