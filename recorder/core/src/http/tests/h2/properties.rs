//! Laws of HTTP/2: what is sent is what is recorded, cuts change nothing, no loss makes an exchange up, no bytes break it.

use proptest::prelude::*;
use schema::{Certainty, Completeness, Exchange};

use super::peer::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PREFACE, PUSH_PROMISE,
    Peer, RST_STREAM, SETTINGS, frame,
};
use crate::Limits;
use crate::http::tests::playbook::{Op, Script};
use crate::http::tests::properties::tear;
use crate::http::{Close, End};

/// One exchange of a conversation.
#[derive(Clone, Debug)]
struct Turn {
    /// Fields of either head, each from a few, so that they are referred to.
    fields: [Vec<(u8, u8)>; 2],
    bodies: [String; 2],
    /// Bytes of the frames that bodies come in.
    piece: usize,
    padding: Option<u8>,
    continued: bool,
    length: bool,
    interim: bool,
    trailers: bool,
    /// The next request does not wait for this one's response.
    overlaps: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    let fields = || prop::collection::vec((0..6_u8, 0..8_u8), 0..4);
    let mut liar = Peer::default();
    let quoted = [liar.get(3, "/quoted"), liar.ok(5, "quoted"), PING.to_vec()].concat();
    let quoted: String = quoted.iter().map(|&byte| char::from(byte & 0x7f)).collect();
    let body = move || {
        prop_oneof![
            4 => (0..200_usize).prop_map(|len| "b".repeat(len)),
            1 => Just(quoted.clone()),
        ]
    };
    (
        [fields(), fields()],
        [body(), body()],
        1..90_usize,
        prop::option::weighted(0.2, 0..20_u8),
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.4),
    )
        .prop_map(
            |(fields, bodies, piece, padding, continued, length, interim, trailers, overlaps)| {
                Turn {
                    fields,
                    bodies,
                    piece,
                    padding,
                    continued,
                    length,
                    interim,
                    trailers,
                    overlaps,
                }
            },
        )
}

/// The frames of one message; `first` are the fields that it begins with.
fn message(
    peer: &mut Peer,
    stream: u32,
    side: usize,
    turn: &Turn,
    first: &[(&str, &str)],
) -> Vec<u8> {
    let (length, texts): (_, Vec<_>) = (
        turn.bodies[side].len().to_string(),
        turn.fields[side]
            .iter()
            .map(|(name, value)| (format!("name-{name}"), format!("value-{value}")))
            .collect(),
    );
    let mut fields = first.to_vec();
    fields.extend(texts.iter().map(|(name, value)| (&**name, &**value)));
    if turn.length {
        fields.push(("content-length", &length));
    }
    let block = peer.block(&fields);
    let mut out = match turn.continued {
        true => [
            frame(HEADERS, 0, stream, &block[..1]),
            frame(CONTINUATION, END_HEADERS, stream, &block[1..]),
        ]
        .concat(),
        false => frame(HEADERS, END_HEADERS, stream, &block),
    };
    for data in turn.bodies[side].as_bytes().chunks(turn.piece) {
        out.extend(match turn.padding {
            Some(padding) => {
                let pad = vec![0; usize::from(padding)];
                frame(DATA, PADDED, stream, &[&[padding], data, &pad].concat())
            }
            None => frame(DATA, 0, stream, data),
        });
    }
    out.extend(match turn.trailers {
        true => peer.headers(END_STREAM, stream, &[("sum", &length)]),
        false => frame(DATA, END_STREAM, stream, b""),
    });
    out
}

/// Exchanges over one connection, each recognisable.
fn conversation(turns: &[Turn]) -> Script {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let mut script = Script::new().a([PREFACE, SETTINGS].concat()).b(SETTINGS);
    script.body_bytes_max = 1_000;
    let mut waiting = Vec::new();
    for (number, turn) in turns.iter().enumerate() {
        let stream = u32::try_from(2 * number + 1).unwrap();
        let path = format!("/{number}");
        let request = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", &path),
            (":authority", "h"),
        ];
        script = script.a(message(&mut a, stream, 0, turn, &request));
        waiting.push((stream, turn));
        if !turn.overlaps {
            for (stream, turn) in waiting.drain(..).rev() {
                if turn.interim {
                    script = script.b(b.headers(0, stream, &[(":status", "103")]));
                }
                script = script.b(message(&mut b, stream, 1, turn, &[(":status", "200")]));
            }
        }
    }
    for (stream, turn) in waiting {
        script = script.b(message(&mut b, stream, 1, turn, &[(":status", "200")]));
    }
    script
}

/// What makes an exchange the same.
fn content(exchange: &Exchange) -> String {
    let request = exchange.request.as_ref().map(|request| {
        let start = (&request.method, &request.path, &request.host);
        (start, &request.headers, &request.body, &request.trailers)
    });
    let response = exchange.response.as_ref().map(|response| {
        (
            response.status,
            &response.headers,
            &response.body,
            &response.trailers,
        )
    });
    let (stream, interim) = (exchange.stream_id, &exchange.interim_statuses);
    format!("{stream:?} {request:?} {interim:?} {response:?}")
}

fn is_certain(exchange: &Exchange) -> bool {
    exchange.completeness == Completeness::Complete
        && exchange.framing == Certainty::Exact
        && exchange.pairing == Certainty::Exact
}

fn small_limits() -> Limits {
    Limits {
        http_head_bytes_max: 60,
        http_headers_max: 3,
        http_probe_bytes_max: 200,
        http_pending_bytes_max: 10,
        http2_streams_max: 2,
        http2_resets_max: 1,
        http2_table_bytes_max: 80,
        http2_continuations_max: 2,
        http2_frame_bytes_max: 100,
        http2_search_bytes_max: 60,
        ..Limits::default()
    }
}

/// Pieces that frames and their damage are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let payload = || prop::collection::vec(any::<u8>(), 0..12);
    let block = prop::collection::vec(
        prop::sample::select(vec![
            vec![0x82],
            vec![0x84],
            vec![0x86],
            vec![0x88],
            vec![0xbe],
            vec![0xbf],
            vec![0x40, 1, b'a', 1, b'b'],
            vec![0x7f, 0, 1, b'c'],
            vec![0x20],
            vec![0x3f, 0xe1, 0x3f],
        ]),
        0..5,
    )
    .prop_map(|parts| parts.concat());
    prop_oneof![
        Just(PREFACE.to_vec()),
        Just(SETTINGS.to_vec()),
        Just(PING.to_vec()),
        Just(b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        payload(),
        (0..12_u8, any::<u8>(), 0..7_u32, payload())
            .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload)),
        (
            prop::sample::select(vec![HEADERS, PUSH_PROMISE, CONTINUATION]),
            0..8_u8,
            0..7_u32,
            block
        )
            .prop_map(|(kind, flags, stream, block)| frame(kind, flags, stream, &block)),
        (1..7_u32).prop_map(|stream| frame(RST_STREAM, 0, stream, &[0; 4])),
    ]
}

fn nonsense() -> impl Strategy<Value = Script> {
    let end = || prop_oneof![Just(End::A), Just(End::B)];
    let op = prop_oneof![
        8 => (end(), prop::collection::vec(piece(), 1..5)).prop_map(|(end, pieces)| Op::Bytes(end, pieces.concat())),
        1 => (end(), 1..40_u64).prop_map(|(end, len)| Op::Gap(end, len)),
    ];
    let initiator = prop_oneof![Just(None), Just(Some(End::A)), Just(Some(End::B))];
    (
        prop::collection::vec(op, 1..14),
        initiator,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(mut ops, initiator, preface, small)| {
            if preface {
                ops.insert(0, Op::Bytes(End::A, [PREFACE, SETTINGS].concat()));
            }
            ops.push(Op::Close(End::B, Close::Fin));
            let limits = if small {
                small_limits()
            } else {
                Limits::default()
            };
            Script {
                ops,
                initiator,
                limits,
                ..Script::new()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What one end encodes is what is recorded of it.
    #[test]
    fn what_is_sent_is_recorded(turns in prop::collection::vec(turn(), 1..6)) {
        let played = conversation(&turns).play();
        played.assert_accounted();
        prop_assert_eq!(played.counters.ledger.bytes_not_http, 0);
        prop_assert_eq!(played.exchanges.len(), turns.len());
        for (exchange, turn) in played.exchanges.iter().zip(&turns) {
            prop_assert!(is_certain(exchange), "{:#?}", exchange);
            let (request, response) = (exchange.request.as_ref().unwrap(), exchange.response.as_ref().unwrap());
            for (side, headers, body) in [(0, &request.headers, &request.body), (1, &response.headers, &response.body)] {
                let mut sent: Vec<_> = turn.fields[side].iter().map(|(name, value)| (format!("name-{name}"), format!("value-{value}"))).collect();
                if turn.length {
                    sent.push(("content-length".to_owned(), turn.bodies[side].len().to_string()));
                }
                let recorded: Vec<_> = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                prop_assert_eq!(recorded, sent);
                prop_assert_eq!(&body.bytes[..], turn.bodies[side].as_bytes());
            }
        }
    }

    /// Any bytes, cut anyhow: accounted for, without a panic, and the same.
    #[test]
    fn nonsense_is_survived(script in nonsense(), pieces in prop::collection::vec(1..30_usize, 1..20)) {
        let whole = script.run(|| usize::MAX);
        whole.assert_accounted();
        let mut pieces = pieces.into_iter().cycle();
        for other in [script.run(|| 1), script.run(|| pieces.next().unwrap_or(1))] {
            other.assert_accounted();
            if whole.counters.ledger.bytes_tls == other.counters.ledger.bytes_tls {
                prop_assert_eq!(whole.render(), other.render());
                prop_assert_eq!(&whole.exchanges, &other.exchanges);
            }
        }
    }

    /// What is marked complete and exact after losses was there without them; joined midway too.
    #[test]
    fn a_loss_makes_no_exchange_up(
        turns in prop::collection::vec(turn(), 1..7),
        losses in prop::collection::vec((any::<bool>(), 0..1_000_u64, 1..120_u64), 1..4),
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
            prop_assert!(!is_certain(exchange) || truth.contains(&content(exchange)), "{:#?}", exchange);
        }
    }

    /// A loss inside one frame of a body damages one exchange.
    #[test]
    fn a_loss_inside_a_body_damages_one_exchange(turns in prop::collection::vec(turn(), 2..7), place in 0..1_000_usize) {
        let script = conversation(&turns);
        let truth: Vec<_> = script.play().exchanges.iter().map(content).collect();
        // The first place from there on where a run of body bytes begins that is inside a frame.
        let mut torn = Script { ops: Vec::new(), ..script.clone() };
        let mut done = false;
        for (number, op) in script.ops.iter().enumerate() {
            match op {
                Op::Bytes(end, bytes) if !done && number >= place % script.ops.len() => {
                    if let Some(at) = bytes.windows(4).position(|window| window == b"bbbb") {
                        done = true;
                        torn.ops.push(Op::Bytes(*end, bytes[..at + 1].to_vec()));
                        torn.ops.push(Op::Gap(*end, 2));
                        torn.ops.push(Op::Bytes(*end, bytes[at + 3..].to_vec()));
                        continue;
                    }
                    torn.ops.push(op.clone());
                }
                _ => torn.ops.push(op.clone()),
            }
        }
        let played = torn.play();
        let whole = played.exchanges.iter().filter(|exchange| is_certain(exchange) && truth.contains(&content(exchange))).count();
        prop_assert_eq!(whole, turns.len() - usize::from(done), "{}", played.render());
    }
}
