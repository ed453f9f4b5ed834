//! Laws that hold for any bytes: no panic, every byte accounted for, bounds kept, cuts without effect.

use proptest::prelude::*;

use super::playbook::{Op, Script};
use crate::Limits;
use crate::http::{Close, End};

/// Pieces that real traffic and its damage are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /long?query HTTP/1.0\r\n\r\n",
            "POST /p HTTP/1.1\r\nContent-Length: 7\r\n\r\n",
            "POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
            "PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "CONNECT h:1 HTTP/1.1\r\n\r\n",
            "HEAD / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.0 404 Not Found\r\nContent-Length : 0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 304\r\n\r\n",
            "3\r\nabc\r\n",
            "0\r\n\r\n",
            "0\r\nT: u\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "HTTP/1.",
            "GET ",
            "\r\n",
            "body",
            "Field: value\r\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..20),
        Just(b"\x16\x03\x01\x00\x05hello".to_vec()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let end = || prop_oneof![Just(End::A), Just(End::B)];
    prop_oneof![
        8 => (end(), prop::collection::vec(piece(), 1..4))
            .prop_map(|(end, pieces)| Op::Bytes(end, pieces.concat())),
        1 => (end(), 1..40_u64).prop_map(|(end, len)| Op::Gap(end, len)),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let close = prop_oneof![Just(Close::Fin), Just(Close::Reset), Just(Close::Unknown)];
    let initiator = prop_oneof![Just(None), Just(Some(End::A)), Just(Some(End::B))];
    let limits = any::<bool>().prop_map(|small| match small {
        true => Limits {
            http_head_bytes_max: 50,
            http_headers_max: 2,
            http_chunk_line_bytes_max: 8,
            http_trailer_bytes_max: 8,
            http_search_line_bytes_max: 24,
            http_probe_bytes_max: 30,
            http_pipeline_depth_max: 3,
            http_pending_bytes_max: 10,
            ..Limits::default()
        },
        false => Limits::default(),
    });
    (prop::collection::vec(op(), 1..14), close, initiator, limits).prop_map(
        |(mut ops, close, initiator, limits)| {
            ops.push(Op::Close(End::B, close));
            Script {
                ops,
                initiator,
                limits,
                ..Script::new()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cutting_the_bytes_changes_nothing(
        script in script(),
        pieces in prop::collection::vec(1..30_usize, 1..20),
    ) {
        let whole = script.run(|| usize::MAX);
        whole.assert_accounted();
        let mut pieces = pieces.into_iter().cycle();
        for other in [script.run(|| 1), script.run(|| pieces.next().unwrap_or(1))] {
            other.assert_accounted();
            prop_assert_eq!(&whole.exchanges, &other.exchanges);
            prop_assert_eq!(whole.render(), other.render());
        }
        for exchange in &whole.exchanges {
            for headers in exchange.request.iter().map(|request| &request.headers) {
                prop_assert!(headers.len() <= script.limits.http_headers_max);
            }
        }
    }

    /// What is marked complete and exact after losses was there without them.
    #[test]
    fn a_loss_makes_no_exchange_up(
        turns in prop::collection::vec(turn(), 1..6),
        losses in prop::collection::vec((any::<bool>(), 0..1_000_u64, 1..60_u64), 1..4),
        joined in any::<bool>(),
    ) {
        let mut script = conversation(&turns);
        let truth: Vec<_> = script.play().exchanges.iter().map(content).collect();
        if joined {
            script.initiator = None;
        }
        for loss in losses {
            script = tear(&script, loss);
        }
        let played = script.play();
        played.assert_accounted();
        for exchange in &played.exchanges {
            let certain = exchange.completeness == schema::Completeness::Complete
                && exchange.framing == schema::Certainty::Exact
                && exchange.pairing == schema::Certainty::Exact;
            prop_assert!(!certain || truth.contains(&content(exchange)), "{:#?}", exchange);
        }
    }
}

/// What makes an exchange the same.
fn content(exchange: &schema::Exchange) -> String {
    let request = exchange.request.as_ref().map(|request| {
        (
            &request.method,
            &request.path,
            &request.headers,
            &request.body,
        )
    });
    let response = exchange
        .response
        .as_ref()
        .map(|response| (response.status, &response.headers, &response.body));
    format!("{request:?} {response:?}")
}

/// One exchange of a conversation.
#[derive(Clone, Debug)]
struct Turn {
    request: String,
    response: String,
    chunked: bool,
    /// The next request does not wait for this one's response.
    pipelined: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    let body = || {
        prop_oneof![
            (0..40_usize).prop_map(|len| "q".repeat(len)),
            Just("GET /quoted HTTP/1.1\r\nHost: q\r\n\r\n".to_owned()),
            Just("log: \nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nend".to_owned()),
        ]
    };
    (body(), body(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
        |(request, response, chunked, pipelined)| Turn {
            request,
            response,
            chunked,
            pipelined,
        },
    )
}

/// Exchanges one after the other on one connection, each recognisable.
fn conversation(turns: &[Turn]) -> Script {
    let (mut script, mut waiting) = (Script::new(), Vec::new());
    for (number, turn) in turns.iter().enumerate() {
        let (len, request) = (turn.request.len(), &turn.request);
        script = script.a(format!(
            "POST /{number} HTTP/1.1\r\nX: {number}\r\nContent-Length: {len}\r\n\r\n{request}"
        ));
        let (len, response) = (turn.response.len(), &turn.response);
        waiting.push(if turn.chunked {
            let half = len / 2;
            let chunk = |data: &str| match data.len() {
                0 => String::new(),
                len => format!("{len:x}\r\n{data}\r\n"),
            };
            let data = [chunk(&response[..half]), chunk(&response[half..])].concat();
            format!("HTTP/1.1 200 OK\r\nX: {number}\r\nTransfer-Encoding: chunked\r\n\r\n{data}0\r\n\r\n")
        } else {
            format!("HTTP/1.1 200 OK\r\nX: {number}\r\nContent-Length: {len}\r\n\r\n{response}")
        });
        if !turn.pipelined {
            for response in waiting.drain(..) {
                script = script.b(response);
            }
        }
    }
    script
}

/// Takes bytes out of one end's stream, from a share (in thousandths) of it on.
pub(super) fn tear(script: &Script, (client, share, len): (bool, u64, u64)) -> Script {
    let from = if client { End::A } else { End::B };
    let lens = script.ops.iter().map(|op| match op {
        Op::Bytes(end, bytes) if *end == from => bytes.len(),
        _ => 0,
    });
    let start = lens.sum::<usize>() * usize::try_from(share).unwrap() / 1_000;
    let lost = start..start + usize::try_from(len).unwrap();
    let mut torn = Script {
        ops: Vec::new(),
        ..script.clone()
    };
    let mut offset = 0;
    for op in &script.ops {
        match op {
            Op::Bytes(end, bytes) if *end == from => {
                let here = offset..offset + bytes.len();
                let (first, last) = (
                    lost.start.clamp(here.start, here.end),
                    lost.end.clamp(here.start, here.end),
                );
                if first > here.start {
                    torn.ops
                        .push(Op::Bytes(*end, bytes[..first - here.start].to_vec()));
                }
                if last > first {
                    torn.ops.push(Op::Gap(*end, (last - first) as u64));
                }
                if last < here.end {
                    torn.ops
                        .push(Op::Bytes(*end, bytes[last - here.start..].to_vec()));
                }
                offset = here.end;
            }
            other => torn.ops.push(other.clone()),
        }
    }
    torn
}
