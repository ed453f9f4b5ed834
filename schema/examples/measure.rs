//! What a segment costs: CPU, memory and bytes, for the traffic that the project is held to (GETs of 500 B, answers of 1 KiB
//! JSON, half of it random hex).
//!
//! `cargo run --release -p schema --example measure -- [EXCHANGES [LEVEL]]`, Linux only. It prints one line per figure.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use schema::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange, Headers,
    Keyring, Projection, Protocol, Pushed, Request, Response, SealedSegment, SegmentBuilder,
    SegmentDecoder, SegmentOptions, Step, TimeWindow, Timestamp,
};

/// Encoded bytes at which a segment is cut, as the recorder does by default.
const SEGMENT_BYTES_MAX: usize = 32 << 20;
const MIB: f64 = 1_048_576.0;
/// 2026-11-22T13:00:00Z in microseconds.
const START: i64 = 1_795_352_400_000_000;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse::<u64>().ok());
    let exchanges = arguments.next().unwrap_or(200_000);
    let level = arguments.next().and_then(|level| i32::try_from(level).ok());
    let mut out = std::io::stdout().lock();
    let mut say = |name: &str, value: f64, unit: &str| {
        writeln!(out, "{name:<28}{value:>12.2} {unit}").expect("standard output is open");
    };

    let before = cpu_ns();
    for number in 0..exchanges {
        std::hint::black_box(exchange(number));
    }
    let generating = cpu_ns() - before;
    let before = cpu_ns();
    let encoded = encode(exchanges, level.unwrap_or(3));
    let encoding = (cpu_ns() - before).saturating_sub(generating);
    let micros = |nanos: u64, exchanges: usize| nanos as f64 / exchanges as f64 / 1e3;
    let exchanges = usize::try_from(exchanges).expect("few");
    say("encode", micros(encoding, exchanges), "us/exchange");
    say(
        "size",
        encoded.bytes as f64 / exchanges as f64,
        "B/exchange",
    );
    say("segments", encoded.segments as f64, "");
    say(
        "builder, its own count",
        encoded.memory_max as f64 / MIB,
        "MiB",
    );
    say(
        "process, with one segment",
        peak_kib() as f64 / 1024.0,
        "MiB",
    );

    for (name, projection) in [("all", Projection::All), ("summary", Projection::Summary)] {
        let before = cpu_ns();
        let rows = decode(&encoded.first.bytes, projection);
        assert_eq!(rows, encoded.first.rows, "every exchange comes back");
        let name = format!("decode {name}");
        say(&name, micros(cpu_ns() - before, rows), "us/exchange");
    }
}

/// CPU time of this process in nanoseconds.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

fn peak_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// What encoding came to.
struct Encoded {
    segments: u64,
    bytes: usize,
    memory_max: usize,
    /// Kept while the others are made, as a recorder does that uploads it.
    first: SealedSegment,
}

fn encode(exchanges: u64, zstd_level: i32) -> Encoded {
    let options = SegmentOptions {
        recorder: "measure".parse().expect("a name"),
        writer: "measure".to_owned(),
        zstd_level,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: false,
        keys: Keyring::default(),
    };
    let (mut segments, mut bytes, mut memory_max) = (0, 0, 0);
    let mut first = None;
    let mut builder = SegmentBuilder::new(options.clone());
    for number in 0..exchanges {
        let pushed = builder.push(exchange(number)).expect("rows encode");
        assert!(matches!(pushed, Pushed::Stored), "the traffic is in order");
        if number % 1_000 == 0 {
            memory_max = memory_max.max(builder.memory());
        }
        if builder.bytes() >= SEGMENT_BYTES_MAX || number + 1 == exchanges {
            let full = std::mem::replace(&mut builder, SegmentBuilder::new(options.clone()));
            let sealed = full
                .seal(segments)
                .expect("rows encode")
                .expect("rows were pushed");
            segments += 1;
            bytes += sealed.bytes.len();
            first.get_or_insert(sealed);
        }
    }
    Encoded {
        segments,
        bytes,
        memory_max,
        first: first.expect("there is at least one exchange"),
    }
}

fn decode(file: &Bytes, projection: Projection) -> usize {
    let mut decoder = SegmentDecoder::new(
        file.len() as u64,
        &Keyring::default(),
        TimeWindow::ALL,
        projection,
    );
    let mut rows = 0;
    loop {
        match decoder.step().expect("the file is sound") {
            Step::NeedsData(ranges) => {
                let slice = |range: &Range<u64>| {
                    let index = |offset| usize::try_from(offset).expect("a file in memory");
                    file.slice(index(range.start)..index(range.end))
                };
                let data = ranges.iter().map(slice).collect();
                decoder
                    .push(ranges, data)
                    .expect("the ranges are those asked for");
            }
            Step::Exchanges(exchanges) => rows += exchanges.len(),
            Step::Finished => return rows,
        }
    }
}

/// A GET of 500 B over one of 16 keep-alive connections with 100 exchanges each, one every 500 us.
fn exchange(number: u64) -> Exchange {
    let (slot, generation) = (number % 16, number / 1_600);
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(mix(slot << 32 | generation)),
            source: Some("10.0.3.7".into()),
            vni: Some(schema::Vni::new(42)),
            client: ([10, 1, 0, slot as u8], 32_768 + generation as u16).into(),
            server: ([10, 2, 0, 10], 8_080).into(),
        }),
        index: (number / 16 % 100) as u32,
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(request(number, slot << 32 | generation)),
        response: Some(response(number)),
        interim_statuses: Vec::new(),
        request_missing_bytes: 0,
        response_missing_bytes: 0,
        completeness: Completeness::Complete,
        framing: Certainty::Exact,
        pairing: Certainty::Exact,
        charset: Charset::Utf8,
        tcp: None,
        replay: None,
    }
}

fn at(number: u64, after: i64) -> Timestamp {
    Timestamp::from_micros(START + i64::try_from(number).expect("few") * 500 + after)
}

fn request(number: u64, session: u64) -> Request {
    let mut headers = Headers::with_capacity(6, 450);
    headers.push("Host", "shop.example.com");
    headers.push(
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    );
    headers.push("Accept", "application/json");
    headers.push("Accept-Language", "en-GB,en;q=0.8");
    headers.push("X-Request-Id", &hex(number * 3 + 1, 32));
    let session = hex(session * 7 + 5, 32);
    let preferences = "lang.en-theme.dark-currency.eur-".repeat(5);
    headers.push("Cookie", &format!("session={session}; prefs={preferences}"));
    Request {
        start: at(number, 0),
        end: at(number, 0),
        method: "GET".to_owned(),
        host: Some("shop.example.com".to_owned()),
        path: format!("/api/v1/orders/{number}"),
        query: Some(format!("expand=lines&page={}", number % 7)),
        target: None,
        headers,
        body: Body::default(),
        trailers: None,
    }
}

fn response(number: u64) -> Response {
    let body = Bytes::from(json(number));
    let second = number / 2_000;
    let date = format!(
        "Sun, 22 Nov 2026 13:{:02}:{:02} GMT",
        second / 60,
        second % 60
    );
    let mut headers = Headers::with_capacity(5, 150);
    headers.push("Server", "nginx");
    headers.push("Date", &date);
    headers.push("Content-Type", "application/json");
    headers.push("Content-Length", "1024");
    headers.push("Connection", "keep-alive");
    Response {
        start: at(number, 1_500),
        end: at(number, 1_500),
        status: 200,
        headers,
        body: Body {
            wire_bytes: body.len() as u64,
            bytes: body,
        },
        body_encoding: None,
        body_digest: None,
        trailers: None,
    }
}

/// 1 KiB of JSON, half of it random hex.
fn json(number: u64) -> String {
    let mut text = format!("{{\"id\":{number},\"lines\":[");
    for line in 0..8 {
        let token = hex(number * 100 + line, 64);
        let comma = if line > 0 { "," } else { "" };
        text += &format!("{comma}{{\"token\":\"{token}\",\"state\":\"confirmed\",\"quantity\":3}}");
    }
    text += "],\"note\":\"";
    while text.len() < 1_022 {
        text += &"left with the neighbour at number twelve, "[..(1_022 - text.len()).min(42)];
    }
    text + "\"}"
}

/// The finaliser of SplitMix64: a number that looks random.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn hex(seed: u64, digits: usize) -> String {
    let words = (0..digits.div_ceil(16) as u64).map(|word| mix(mix(seed) ^ word));
    let mut text: String = words.map(|word| format!("{word:016x}")).collect();
    text.truncate(digits);
    text
}
