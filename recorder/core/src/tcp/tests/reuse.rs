//! When a segment begins another connection between the same endpoints.

use std::time::Duration;

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn tells_a_new_connection_from_the_old_one() {
    let busy = after_handshake(&[data(A, 101, 501, "GET"), data(B, 501, 104, "200")]);
    let ended = [busy.as_slice(), &[fin(B, 504, 104), fin(A, 104, 505)]].concat();
    let reset = [busy.as_slice(), &[rst(A, 104)]].concat();
    let middle = vec![data(A, 901, 501, "GET"), data(B, 501, 904, "200")];
    let far = 1_500_000_000;
    let cases: &[(&str, &[script::Line], u64, script::Line, bool)] = &[
        ("the same SYN again", &busy, 0, syn(A, 100), false),
        (
            "the same SYN again, much later",
            &busy,
            100,
            syn(A, 100),
            false,
        ),
        ("another SYN while busy", &busy, 0, syn(A, 9_000), false),
        ("another SYN after a silence", &busy, 2, syn(A, 9_000), true),
        ("another SYN after the ends", &ended, 0, syn(A, 9_000), true),
        ("another SYN after a reset", &reset, 0, syn(A, 9_000), true),
        (
            "another SYN before any payload",
            &handshake(),
            0,
            syn(A, 9_000),
            true,
        ),
        (
            "the SYN-ACK of another connection",
            &busy,
            0,
            syn_ack(B, far, far),
            true,
        ),
        (
            "another SYN after its sender's end",
            &[busy.as_slice(), &[fin(A, 104, 504)]].concat(),
            0,
            syn(A, 9_000),
            true,
        ),
        (
            "another SYN after the peer's end only",
            &[busy.as_slice(), &[fin(B, 504, 104)]].concat(),
            0,
            syn(A, 9_000),
            false,
        ),
        (
            "a near SYN-ACK that confirms another SYN",
            &[busy.as_slice(), &[syn(A, 9_000)]].concat(),
            0,
            syn_ack(B, 9_500, 9_001),
            true,
        ),
        (
            "a SYN-ACK to yet another SYN",
            &[busy.as_slice(), &[syn(A, 9_000)]].concat(),
            0,
            syn_ack(B, 9_500, 9_002),
            false,
        ),
        ("the SYN-ACK again", &busy, 0, syn_ack(B, 500, 101), false),
        (
            "the SYN that comes after its data",
            &middle,
            0,
            syn(A, 900),
            false,
        ),
        (
            "another SYN where the first was not seen",
            &middle,
            2,
            syn(A, far),
            true,
        ),
        (
            "the next request",
            &busy,
            100,
            data(A, 104, 504, "GET"),
            false,
        ),
        (
            "a late copy after the ends",
            &ended,
            0,
            data(B, 501, 104, "200"),
            false,
        ),
        (
            "payload far from both halves",
            &busy,
            0,
            data(A, far, far, "GET"),
            true,
        ),
        (
            "payload far from its half only",
            &busy,
            0,
            data(A, far, 504, "GET"),
            false,
        ),
        (
            "a bare acknowledgement far from both",
            &busy,
            0,
            ack(A, far, far),
            false,
        ),
        ("a reset far from both", &busy, 100, rst(A, far), false),
        (
            "payload far from its ended half",
            &ended,
            0,
            data(A, far, 504, "GET"),
            true,
        ),
    ];
    for (name, before, silence, line, over) in cases {
        let mut run = Script::new(Limits::default());
        run.play(before);
        run.pass(Duration::from_secs(*silence));
        let segment = line.segment(run.now());
        let is_over = run
            .connection
            .is_over_for(&segment, run.now(), &Limits::default());
        assert_eq!(is_over, *over, "{name}");
    }
}
