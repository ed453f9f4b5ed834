//! The laws of a lossy mirror, over other people's captures and over generated traffic: wrapping changes nothing; reordering
//! and repeating within bounds change nothing; whatever is lost or cut, what is called complete and exact is what was sent,
//! and the bytes reported missing are those that were removed.
//!
//! `REPRISE_LAW_SEEDS=100` tries that many seeds instead of a few.

mod exceptions;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use benches::{Mix, Traffic};
use recorder_core::{Anomaly, Dispatcher, Limits, LinkType};
use schema::{Certainty, Completeness, ConnectionInfo, Exchange, Timestamp, Vni};
use tests::{
    CapturedFrame, Encapsulation, Recording, Remirror, Remirrored, check_conservation, options,
    read_capture, record_frames, shared_captures,
};

use exceptions::{AMBIGUOUS, is_excepted};

/// Every way of wrapping.
fn encapsulations() -> [Encapsulation; 3] {
    let vni = Vni::new(9);
    [
        Encapsulation::Vxlan(vni),
        Encapsulation::Geneve(vni),
        Encapsulation::VxlanInGeneve(vni),
    ]
}

fn seeds(few: u64) -> u64 {
    let seeds = std::env::var("REPRISE_LAW_SEEDS").ok();
    seeds.map_or(few, |seeds| seeds.parse().expect("a number of seeds"))
}

fn record(frames: &[CapturedFrame]) -> Recording {
    let iter = frames.iter().map(CapturedFrame::frame);
    // A damaged capture may claim a second between any two frames: every minute of silence is a row.
    let recording = record_frames(iter, Limits::default(), options());
    check_conservation(frames.len() as u64, &recording);
    recording
}

/// Exchanges without what the mirror decides: where they were seen, and, if `timed` is not set, when.
fn unmirrored(recording: &Recording, timed: bool) -> Vec<Exchange> {
    let mut exchanges = recording.exchanges.clone();
    for exchange in &mut exchanges {
        exchange.connection = Arc::new(ConnectionInfo {
            id: schema::ConnectionId::derive(
                None,
                None,
                exchange.connection.client,
                exchange.connection.server,
                0,
            ),
            source: None,
            vni: None,
            ..(*exchange.connection).clone()
        });
        if !timed {
            let times = exchange
                .request
                .iter_mut()
                .flat_map(|request| [&mut request.start, &mut request.end]);
            let times = times.chain(
                exchange
                    .response
                    .iter_mut()
                    .flat_map(|response| [&mut response.start, &mut response.end]),
            );
            times.for_each(|time| *time = Timestamp::MIN);
        }
    }
    exchanges.sort_by_cached_key(|exchange| format!("{exchange:?}"));
    exchanges
}

/// What both ends said, whatever else the row knows.
fn said(exchange: &Exchange) -> String {
    let request = exchange.request.as_ref().map(|request| {
        let body = &request.body.bytes;
        format!(
            "{} {} {:?} {:?} {:?} {body:?} {:?}",
            request.method,
            request.path,
            request.query,
            request.target,
            request.headers,
            request.trailers
        )
    });
    let response = exchange.response.as_ref().map(|response| {
        let body = &response.body.bytes;
        format!(
            "{} {:?} {body:?} {:?} {:?}",
            response.status, response.headers, response.body_encoding, response.trailers
        )
    });
    let ends = (exchange.connection.client, exchange.connection.server);
    format!(
        "{ends:?} {:?} {request:?} {response:?}",
        exchange.interim_statuses
    )
}

fn is_whole(exchange: &Exchange) -> bool {
    exchange.completeness == Completeness::Complete
        && exchange.framing == Certainty::Exact
        && exchange.pairing == Certainty::Exact
}

/// What a damaged recording calls whole and the undamaged one does not have.
fn invented(plain: &Recording, damaged: &Recording) -> Vec<String> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in &plain.exchanges {
        *known.entry(said(exchange)).or_default() += 1;
    }
    let mut invented = Vec::new();
    for exchange in damaged
        .exchanges
        .iter()
        .filter(|exchange| is_whole(exchange))
    {
        let said = said(exchange);
        match known.get_mut(&said) {
            Some(left) if *left > 0 => *left -= 1,
            _ => invented.push(said),
        }
    }
    invented
}

/// Runs `law` over every capture; it gives what broke.
#[track_caller]
fn over_captures(law: impl Fn(&str, &[CapturedFrame], &Recording) -> Vec<String> + Sync) {
    let captures = shared_captures();
    let todo = Mutex::new(captures.iter());
    let broken = Mutex::new(Vec::new());
    let next = || todo.lock().unwrap().next().cloned();
    let work = || {
        while let Some(path) = next() {
            let name = name(&path);
            let frames = read_capture(&path);
            let plain = record(&frames);
            let found = law(&name, &frames, &plain);
            let lines = found.into_iter().map(|line| format!("{name}: {line}"));
            broken.lock().unwrap().extend(lines);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(
        broken.is_empty(),
        "{} broken:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The first difference, short enough to read.
fn difference(expected: &[Exchange], actual: &[Exchange]) -> Option<String> {
    let mut pairs = expected.iter().zip(actual);
    let pair = pairs.find(|(expected, actual)| expected != actual);
    if pair.is_none() && expected.len() == actual.len() {
        return None;
    }
    let counts = format!("{} exchanges, expected {}", actual.len(), expected.len());
    let pair = pair.map_or_else(String::new, |(expected, actual)| {
        format!("expected {}\n     got {}", brief(expected), brief(actual))
    });
    Some(format!("{counts}; {pair}"))
}

fn brief(exchange: &Exchange) -> String {
    let request = exchange.request.as_ref().map(|request| {
        let body = (request.body.bytes.len(), request.body.wire_bytes);
        format!("{} {} {body:?}", request.method, request.path)
    });
    let response = exchange.response.as_ref().map(|response| {
        let body = (response.body.bytes.len(), response.body.wire_bytes);
        format!("{} {body:?}", response.status)
    });
    let Exchange {
        connection,
        index,
        request_missing_bytes,
        response_missing_bytes,
        completeness,
        framing,
        pairing,
        tcp,
        ..
    } = exchange;
    format!(
        "{} > {} #{index} {request:?} {response:?} {completeness} framing {framing:?} pairing {pairing:?}, missing \
         {request_missing_bytes} and {response_missing_bytes}, {tcp:?}",
        connection.client, connection.server
    )
}

#[test]
fn wrapping_changes_nothing() {
    over_captures(|name, frames, plain| {
        let expected = unmirrored(plain, true);
        let mut broken = Vec::new();
        for encapsulation in encapsulations() {
            if is_excepted(name, "wrapping") {
                continue;
            }
            let remirror = Remirror {
                encapsulation,
                ..Remirror::default()
            };
            let wrapped = record(&remirror.run(frames).frames);
            let found = difference(&expected, &unmirrored(&wrapped, true));
            broken.extend(found.map(|found| format!("{encapsulation:?}: {found}")));
        }
        broken
    });
}

#[test]
fn reordering_and_repeating_change_nothing() {
    over_captures(|name, frames, plain| {
        if is_excepted(name, "reordering") {
            return Vec::new();
        }
        let expected = unmirrored(plain, false);
        let mut broken = Vec::new();
        for seed in 0..seeds(1) {
            let remirror = Remirror {
                seed,
                reorder: 0.1,
                duplicate: 0.1,
                delay_max: Duration::from_millis(2),
                ..Remirror::default()
            };
            let shaken = record(&remirror.run(frames).frames);
            let found = difference(&expected, &unmirrored(&shaken, false));
            broken.extend(found.map(|found| format!("seed {seed}: {found}")));
        }
        broken
    });
}

#[test]
fn nothing_damaged_is_called_whole() {
    over_captures(|name, frames, plain| {
        let mut broken = Vec::new();
        for seed in 0..seeds(1) {
            for (loss, cut) in [(0.1, 0.0), (0.03, 0.05)] {
                let remirror = Remirror {
                    seed,
                    loss,
                    cut,
                    encapsulation: Encapsulation::Bare,
                    ..Remirror::default()
                };
                let damaged = record(&remirror.run(frames).frames);
                let ambiguous = AMBIGUOUS.contains(&name) || conflicts(plain);
                let found = if ambiguous {
                    Vec::new()
                } else {
                    invented(plain, &damaged)
                };
                let found = found.into_iter().map(|found| {
                    let found: String = found.chars().take(2_000).collect();
                    format!("seed {seed}, loss {loss}, cut {cut}: {found}")
                });
                broken.extend(found);
            }
        }
        broken
    });
}

/// A stream of which there are two versions in the capture: which one is taken depends on what is lost.
fn conflicts(plain: &Recording) -> bool {
    plain.totals.anomaly(Anomaly::TcpConflict) > 0
}

/// Several pipelines that share the frames as the dispatcher says record what one does.
#[test]
fn shards_record_what_one_pipeline_does() {
    let sorted = |mut exchanges: Vec<Exchange>| {
        exchanges.sort_by_key(|exchange| (exchange.id(), exchange.start()));
        exchanges
    };
    over_captures(|_, frames, plain| {
        let expected = sorted(plain.exchanges.clone());
        let mut broken = Vec::new();
        for shards in [2, 3, 8] {
            let mut dispatcher = Dispatcher::new(options().tunnel_ports, Limits::default());
            let mut parts = vec![Vec::new(); shards];
            for frame in frames {
                let shard = dispatcher.hash(&frame.frame()) as usize % shards;
                parts[shard].push(frame.clone());
            }
            let recorded = parts.iter().flat_map(|part| record(part).exchanges);
            let found = difference(&expected, &sorted(recorded.collect()));
            broken.extend(found.map(|found| format!("{shards} shards: {found}")));
        }
        broken
    });
}

fn generated(seed: u64, mix: Mix) -> Vec<CapturedFrame> {
    let traffic = Traffic {
        seed,
        exchanges: 150,
        mix,
        exchanges_per_connection: 5,
        vni: None,
        ..Traffic::default()
    };
    let source: Arc<str> = "generated.pcap".into();
    let frames = traffic.frames().map(|frame| CapturedFrame {
        at: frame.at,
        link: LinkType::Ethernet,
        wire_len: frame.bytes.len() as u32,
        bytes: frame.bytes,
        source: Arc::clone(&source),
    });
    frames.collect()
}

/// Where what tells of beginnings and ends is captured, the bytes reported missing are the bytes removed.
#[test]
fn what_is_missing_is_what_was_removed() {
    for seed in 0..seeds(1) {
        for (mix, loss, cut) in [
            (Mix::Gets, 0.1, 0.0),
            (Mix::Posts, 0.05, 0.05),
            (Mix::LargeAnswers, 0.02, 0.02),
            (Mix::Mixed, 0.0, 0.2),
        ] {
            let frames = generated(seed, mix);
            let plain = record(&frames);
            let remirror = Remirror {
                seed,
                loss,
                cut,
                keep_control: true,
                encapsulation: encapsulations()[seed as usize % 3],
                ..Remirror::default()
            };
            let Remirrored {
                frames,
                damaged,
                payload_bytes_removed,
            } = remirror.run(&frames);
            assert!(damaged > 0);
            let recording = record(&frames);
            let context = format!("seed {seed}, {mix:?}");
            assert_eq!(
                recording.totals.ledger.gap_bytes, payload_bytes_removed,
                "{context}"
            );
            assert_eq!(
                recording.totals.bytes_delivered + payload_bytes_removed,
                plain.totals.bytes_delivered,
                "{context}"
            );
            let missing: u64 = recording
                .exchanges
                .iter()
                .map(|exchange| exchange.request_missing_bytes + exchange.response_missing_bytes)
                .sum();
            // What belonged to an exchange of which nothing came has no row; the ledger has it.
            assert!(missing <= payload_bytes_removed, "{context}: in the rows");
            assert_eq!(
                invented(&plain, &recording),
                Vec::<String>::new(),
                "{context}"
            );
        }
    }
}
