use std::time::Duration;

use super::*;

mod loss;
mod properties;
mod reuse;
mod script;

use script::{Script, ack, data, fin, rst, syn, syn_ack};

/// Runs a script and compares what the connection told, one line an event; adjacent bytes of one end are one line.
#[track_caller]
fn check(name: &str, script: &[script::Line], expected: &[&str]) -> Script {
    let mut run = Script::new(Limits::default());
    run.play(script);
    run.finish(Close::Unknown);
    assert_eq!(run.told(), expected, "{name}");
    run.check_sums(name);
    run
}

const A: End = End::A;
const B: End = End::B;

/// A handshake: A's first byte has sequence number 101, B's 501.
fn handshake() -> Vec<script::Line> {
    vec![syn(A, 100), syn_ack(B, 500, 101), ack(A, 101, 501)]
}

fn after_handshake(more: &[script::Line]) -> Vec<script::Line> {
    [handshake().as_slice(), more].concat()
}

/// Nothing was told of the connection when its server ended it: it is told again, to whoever hears of the connection now.
#[test]
fn tells_an_end_that_came_before_everything() {
    check(
        "the server ends, then the client sends",
        &after_handshake(&[fin(B, 501, 101), data(A, 101, 502, "GET"), fin(A, 104, 502)]),
        &["B fin", "open A 101", "B fin", "A 0 GET", "A fin"],
    );
}

#[test]
fn tells_an_ordinary_connection_as_it_is() {
    let run = check(
        "request, answer, both ends closed",
        &after_handshake(&[
            data(A, 101, 501, "GET"),
            data(B, 501, 104, "200"),
            data(A, 104, 504, "GET"),
            data(B, 504, 107, "404"),
            fin(B, 507, 107),
            fin(A, 107, 508),
            ack(B, 508, 108),
        ]),
        &[
            "open A 101",
            "A 0 GET",
            "B 0 200",
            "A 3 GET",
            "B 3 404",
            "B fin",
            "A fin",
        ],
    );
    assert_eq!(run.counters.ledger.connections_opened, 1);
    assert_eq!(run.counters.ledger.gaps, 0);
    assert!(run.connection.is_closed());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn puts_segments_in_order() {
    let cases: &[(&str, &[script::Line], &[&str])] = &[
        (
            "two swapped",
            &[data(A, 104, 501, "def"), data(A, 101, 501, "abc")],
            &["A 0 abcdef"],
        ),
        (
            "three reversed",
            &[
                data(A, 107, 501, "ghi"),
                data(A, 104, 501, "def"),
                data(A, 101, 501, "abc"),
            ],
            &["A 0 abcdefghi"],
        ),
        (
            "sent again with other borders",
            &[
                data(A, 101, 501, "abc"),
                data(A, 101, 501, "abcdef"),
                data(A, 103, 501, "cdefg"),
            ],
            &["A 0 abcdefg"],
        ),
        (
            "a hole filled by a segment that overlaps both sides",
            &[
                data(A, 101, 501, "abc"),
                data(A, 106, 501, "fgh"),
                data(A, 102, 501, "bcdefg"),
            ],
            &["A 0 abcdefgh"],
        ),
        (
            "a held segment covers others that are held",
            &[
                data(A, 104, 501, "d"),
                data(A, 106, 501, "f"),
                data(A, 103, 501, "cdefg"),
                data(A, 101, 501, "ab"),
            ],
            &["A 0 abcdefg"],
        ),
        (
            "of two copies that differ the first counts",
            &[
                data(A, 104, 501, "def"),
                data(A, 102, 501, "bXXf"),
                data(A, 101, 501, "a"),
            ],
            &["A 0 abXdef"],
        ),
        (
            "the answer overtakes its request",
            &[data(B, 501, 104, "200"), data(A, 101, 501, "GET")],
            &["A 0 GET", "B 0 200"],
        ),
        (
            "two pipelined requests overtaken by both answers",
            &[
                data(B, 504, 107, "two"),
                data(B, 501, 104, "one"),
                data(A, 104, 501, "GE2"),
                data(A, 101, 501, "GE1"),
            ],
            &["A 0 GE1GE2", "B 0 onetwo"],
        ),
        (
            "a request whose first copy was lost, sent again after its answer",
            &[data(B, 501, 104, "200"), data(A, 101, 504, "GET")],
            &["A 0 GET", "B 0 200"],
        ),
        (
            "an answer whose first copy was lost, sent again after the next request",
            &[
                data(A, 101, 501, "GE1"),
                data(A, 104, 504, "GE2"),
                data(B, 501, 107, "200"),
            ],
            &["A 0 GE1", "B 0 200", "A 3 GE2"],
        ),
        (
            "the end overtakes the last bytes",
            &[fin(B, 504, 101), data(B, 501, 101, "end"), fin(A, 101, 505)],
            &["B 0 end", "B fin", "A fin"],
        ),
    ];
    for (name, more, expected) in cases {
        let expected = [&["open A 101"], *expected].concat();
        let ends_open = !expected.contains(&"A fin");
        let closes: &[&str] = if ends_open {
            &["A unknown", "B unknown"]
        } else {
            &[]
        };
        let run = check(
            name,
            &after_handshake(more),
            &[expected.as_slice(), closes].concat(),
        );
        assert_eq!(run.counters.ledger.gaps, 0, "{name}");
    }
}

#[test]
fn counts_what_is_odd() {
    use Anomaly as Odd;
    type Case<'a> = (&'a str, &'a [script::Line], &'a [(Odd, u64)]);
    let cases: &[Case<'_>] = &[
        (
            "swapped",
            &[data(A, 102, 501, "b"), data(A, 101, 501, "a")],
            &[(Odd::TcpOutOfOrder, 1)],
        ),
        (
            "sent again",
            &[data(A, 101, 501, "ab"), data(A, 101, 501, "ab")],
            &[(Odd::TcpRetransmission, 1)],
        ),
        (
            "mirrored twice",
            &[data(A, 101, 501, "ab").id(7), data(A, 101, 501, "ab").id(7)],
            &[(Odd::TcpDuplicate, 1), (Odd::TcpRetransmission, 0)],
        ),
        (
            "two copies that differ",
            &[
                data(A, 103, 501, "cd"),
                data(A, 103, 501, "XX"),
                data(A, 101, 501, "ab"),
            ],
            &[(Odd::TcpConflict, 1)],
        ),
        (
            "keep-alive with a byte and without",
            &[
                data(A, 101, 501, "a"),
                data(A, 101, 501, "\0"),
                ack(A, 101, 501),
            ],
            &[(Odd::TcpKeepAlive, 1), (Odd::TcpRetransmission, 0)],
        ),
        (
            "after the FIN",
            &[fin(A, 101, 501), data(A, 102, 501, "a")],
            &[(Odd::TcpAfterClose, 1)],
        ),
        (
            "a reset from nowhere",
            &[rst(A, 101 + (100 << 20)), data(A, 101, 501, "a")],
            &[(Odd::TcpResetIgnored, 1)],
        ),
        (
            "a reset after which its sender goes on",
            &[rst(A, 101), data(A, 101, 501, "a")],
            &[(Odd::TcpResetIgnored, 1)],
        ),
        (
            "a segment from nowhere",
            &[data(A, 101 + (100 << 20), 501, "a")],
            &[(Odd::TcpOutOfWindow, 1)],
        ),
    ];
    for (name, more, counts) in cases {
        let mut run = Script::new(Limits::default());
        run.play(&after_handshake(more));
        run.finish(Close::Unknown);
        for (anomaly, count) in *counts {
            assert_eq!(
                run.counters.anomaly(*anomaly),
                *count,
                "{name}: {anomaly:?}"
            );
        }
        run.check_sums(name);
    }
}

#[test]
fn probes_are_not_data() {
    check(
        "a keep-alive's byte is not the stream's",
        &after_handshake(&[
            data(A, 101, 501, "GET"),
            data(A, 103, 501, "\0"),
            ack(B, 501, 104),
            ack(A, 103, 501),
            data(A, 104, 501, "two"),
        ]),
        &["open A 101", "A 0 GETtwo", "A unknown", "B unknown"],
    );
    check(
        "a zero-window probe's byte is, once",
        &after_handshake(&[
            data(A, 101, 501, "a"),
            data(A, 101, 501, "abc"),
            data(A, 104, 501, "d"),
        ]),
        &["open A 101", "A 0 abcd", "A unknown", "B unknown"],
    );
    check(
        "joined at a keep-alive",
        &[
            data(A, 103, 501, "\0"),
            ack(B, 501, 104),
            data(A, 104, 501, "GET"),
            data(B, 501, 107, "200"),
        ],
        &["open - 103", "A 0 GET", "B 0 200", "A unknown", "B unknown"],
    );
    check(
        "joined at a keep-alive without a byte",
        &[
            ack(A, 103, 501),
            ack(B, 501, 104),
            data(A, 104, 501, "GET"),
            data(B, 501, 107, "200"),
        ],
        &["open - 103", "A 0 GET", "B 0 200", "A unknown", "B unknown"],
    );
}

#[test]
fn sequence_numbers_wrap() {
    let last = u32::MAX - 2;
    check(
        "in the middle of a segment, out of order",
        &[
            syn(A, last),
            syn_ack(B, 500, last.wrapping_add(1)),
            data(A, 2, 501, "efgh"),
            data(A, last.wrapping_add(1), 501, "abcd"),
            data(B, 501, 6, "200"),
        ],
        &[
            &format!("open A {}", u32::MAX - 1),
            "A 0 abcdefgh",
            "B 0 200",
            "A unknown",
            "B unknown",
        ],
    );
}

#[test]
fn handshakes_in_every_order() {
    let plain = &["open A 101", "A 0 GET", "B 0 200", "A unknown", "B unknown"];
    let dialogue = [data(A, 101, 501, "GET"), data(B, 501, 104, "200")];
    let cases: &[(&str, &[script::Line])] = &[
        (
            "as sent",
            &[syn(A, 100), syn_ack(B, 500, 101), dialogue[0], dialogue[1]],
        ),
        (
            "the SYN-ACK first",
            &[syn_ack(B, 500, 101), syn(A, 100), dialogue[0], dialogue[1]],
        ),
        (
            "only the SYN-ACK",
            &[syn_ack(B, 500, 101), dialogue[0], dialogue[1]],
        ),
        ("only the SYN", &[syn(A, 100), dialogue[0], dialogue[1]]),
        (
            "SYN twice",
            &[
                syn(A, 100),
                syn(A, 100),
                syn_ack(B, 500, 101),
                dialogue[0],
                dialogue[1],
            ],
        ),
        (
            "the request before the SYN",
            &[dialogue[0], syn(A, 100), syn_ack(B, 500, 101), dialogue[1]],
        ),
        (
            "a SYN with data",
            &[
                data(A, 100, 0, "GET").syn(),
                syn_ack(B, 500, 104),
                dialogue[1],
            ],
        ),
        (
            "a SYN with data that is sent again",
            &[
                data(A, 100, 0, "GET").syn(),
                syn_ack(B, 500, 101),
                dialogue[0],
                dialogue[1],
            ],
        ),
    ];
    for (name, script) in cases {
        check(name, script, plain);
    }
    check(
        "a SYN-ACK with data",
        &[
            syn(A, 100),
            data(B, 500, 101, "hello").syn(),
            data(A, 101, 506, "GET"),
        ],
        &[
            "open A 101",
            "B 0 hello",
            "A 0 GET",
            "A unknown",
            "B unknown",
        ],
    );
}

#[test]
fn joins_in_the_middle() {
    let cases: &[(&str, &[script::Line], &[&str])] = &[
        (
            "at a request",
            &[data(A, 901, 501, "GET"), data(B, 501, 904, "200")],
            &["open - 901", "A 0 GET", "B 0 200"],
        ),
        (
            "at an answer whose request comes after it",
            &[data(B, 501, 904, "200"), data(A, 901, 501, "GET")],
            &["open - 501", "A 0 GET", "B 0 200"],
        ),
        (
            "at the second segment, the first comes late",
            &[
                data(A, 904, 501, "two"),
                data(A, 901, 501, "one"),
                data(B, 501, 907, "200"),
            ],
            &["open - 904", "A 0 onetwo", "B 0 200"],
        ),
        (
            "the answer's second byte comes before its first",
            &[
                data(A, 901, 501, "GET"),
                data(B, 502, 904, "b"),
                data(B, 501, 904, "a"),
            ],
            &["open - 901", "A 0 GET", "B 0 ab"],
        ),
        (
            "the answer's first segment is lost",
            &[data(A, 901, 501, "GET"), data(B, 511, 904, "tail")],
            &["open - 901", "A 0 GET", "B gap 10", "B 10 tail"],
        ),
        (
            "at acknowledgements of bytes from before",
            &[
                ack(A, 901, 501),
                data(B, 701, 901, "tail"),
                data(A, 901, 705, "GET"),
            ],
            &["open - 901", "B 0 tail", "A 0 GET"],
        ),
    ];
    for (name, script, expected) in cases {
        let run = check(
            name,
            script,
            &[*expected, &["A unknown", "B unknown"]].concat(),
        );
        assert_eq!(
            run.counters.ledger.connections_joined_midstream, 1,
            "{name}"
        );
        assert_eq!(run.counters.ledger.connections_opened, 0, "{name}");
    }
}

#[test]
fn an_idle_connection_is_small() {
    assert!(
        size_of::<Connection>() <= 448,
        "{} bytes",
        size_of::<Connection>()
    );
}
