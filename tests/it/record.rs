//! `recorder read` as a user runs it: what goes in, what comes out, what is said, and with which exit code.

mod interrupt;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, TsResolution};
use recorder_core::LinkType;
use schema::{Completeness, Exchange};
use serde_json::Value;
use tempfile::TempDir;
use tests::{
    PacketScript, Ran, files_below, read_archive, read_ledger, recorder, run, run_with_input,
};

/// A folder with captures, and an archive in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn archive(&self) -> PathBuf {
        self.0.path().join("archive")
    }

    fn command(&self, files: &[&Path], flags: &[&str]) -> std::process::Command {
        let mut command = recorder();
        command.arg("read").args(files).args(flags);
        command.arg("--archive").arg(self.archive());
        command
    }

    /// Records and expects `code`; gives the summary.
    #[track_caller]
    fn read(&self, files: &[&Path], flags: &[&str], code: i32) -> Value {
        let ran = run(self.command(files, flags).arg("--json")).expect_code(code);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn exchanges(&self) -> Vec<Exchange> {
        read_archive(&self.archive())
    }

    /// Names of all segments, below the archive.
    fn segments(&self) -> Vec<String> {
        let name = |path: PathBuf| {
            let below = path.strip_prefix(self.archive()).unwrap();
            below.to_str().unwrap().to_owned()
        };
        files_below(&self.archive()).into_iter().map(name).collect()
    }
}

/// A request and its answer on a connection of its own, from client port `port`.
fn exchange(script: PacketScript, port: u16, path: &str) -> PacketScript {
    let client = format!("10.0.0.1:{port}");
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    script
        .between(&client, "10.0.0.2:8080")
        .connect()
        .client(request)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .close()
}

/// A capture with one exchange for each path.
fn capture(paths: &[&str]) -> Vec<u8> {
    script(paths).pcap()
}

fn script(paths: &[&str]) -> PacketScript {
    let ports = 40_000..;
    paths
        .iter()
        .zip(ports)
        .fold(PacketScript::new(), |script, (path, port)| {
            exchange(script, port, path)
        })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn paths(exchanges: &[Exchange]) -> Vec<&str> {
    exchanges
        .iter()
        .map(|exchange| exchange.request.as_ref().unwrap().path.as_str())
        .collect()
}

#[test]
fn a_capture_is_the_same_however_it_is_wrapped() {
    let plain = capture(&["/a", "/b"]);
    let expected = {
        let place = Place::new();
        place.read(&[&place.file("gw.pcap", &plain)], &[], 0);
        place.exchanges()
    };
    assert_eq!(paths(&expected), ["/a", "/b"]);
    assert!(expected.iter().all(|exchange| {
        exchange.completeness == Completeness::Complete
            && exchange.connection.source.as_deref() == Some("gw.pcap")
    }));
    // The name stays the same, because it is in the rows: what a file is, is told by its content.
    let zst = zstd::encode_all(&plain[..], 3).unwrap();
    for wrapped in [gzip(&plain), zst] {
        let place = Place::new();
        place.read(&[&place.file("gw.pcap", &wrapped)], &[], 0);
        assert_eq!(place.exchanges(), expected);
    }
}

#[test]
fn standard_input() {
    let place = Place::new();
    let mut command = place.command(&[Path::new("-")], &["--json"]);
    let ran = run_with_input(&mut command, &gzip(&capture(&["/a"]))).expect_code(0);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["exchanges"]["total"], 1);
    let exchanges = place.exchanges();
    assert_eq!(exchanges[0].connection.source.as_deref(), Some("stdin"));
}

#[test]
fn pcapng_interfaces_have_their_own_link_type_and_clock() {
    let (ethernet, raw) = (
        script(&["/ethernet"]),
        exchange(
            PacketScript::new()
                .link(LinkType::RawIp)
                .after(Duration::from_micros(1_500)),
            50_000,
            "/raw",
        ),
    );
    let mut writer = PcapNgWriter::new(Vec::new()).unwrap();
    for (link, resolution) in [(DataLink::ETHERNET, 9), (DataLink::RAW, 3)] {
        let mut interface = InterfaceDescriptionBlock::new(link, 0);
        interface.options = vec![InterfaceDescriptionOption::IfTsResol(resolution)];
        writer.write_pcapng_block(interface).unwrap();
    }
    let units = [1, 1_000_000];
    for (id, script) in [&ethernet, &raw].into_iter().enumerate() {
        for frame in script.frames() {
            let packet = EnhancedPacketBlock {
                interface_id: u32::try_from(id).unwrap(),
                // pcap-file writes the number of nanoseconds that it is given as so many ticks.
                timestamp: Duration::from_nanos(frame.at.as_nanos() / units[id]),
                original_len: frame.wire_len,
                data: frame.bytes.as_slice().into(),
                options: Vec::new(),
            };
            writer.write_pcapng_block(packet).unwrap();
        }
    }
    let place = Place::new();
    place.read(&[&place.file("two.pcapng", &writer.into_inner())], &[], 0);
    let exchanges = place.exchanges();
    let recorded = |path: &str| {
        let index = paths(&exchanges).iter().position(|other| *other == path);
        exchanges[index.unwrap()].start().as_micros()
    };
    let start = |script: &PacketScript| {
        let frame = script
            .frames()
            .iter()
            .find(|frame| frame.bytes.ends_with(b"\r\n\r\n"));
        frame.unwrap().at.as_micros()
    };
    assert_eq!(recorded("/ethernet"), start(&ethernet));
    // Its clock knows milliseconds only.
    assert_eq!(recorded("/raw"), start(&raw) / 1_000 * 1_000);
    assert_ne!(start(&raw) % 1_000, 0);
}

#[test]
fn a_connection_goes_on_in_the_next_file_of_a_rotated_capture() {
    let whole = script(&["/a", "/b", "/c"]);
    let frames = whole.frames().len();
    let place = Place::new();
    // Cut where one exchange is under way, given in the wrong order.
    let first = whole.clone().lose(frames - 12).pcap();
    let second = {
        let bytes = whole.pcap();
        [&bytes[..24], &bytes[first.len()..]].concat()
    };
    let files = [
        place.file("gw.pcap1", &second),
        place.file("gw.pcap", &first),
    ];
    let summary = place.read(&[&files[0], &files[1]], &[], 0);
    assert_eq!(summary["files"], 2);
    assert_eq!(summary["frames"]["total"], frames);
    let exchanges = place.exchanges();
    assert_eq!(paths(&exchanges), ["/a", "/b", "/c"]);
    assert!(
        exchanges
            .iter()
            .all(|exchange| exchange.completeness == Completeness::Complete)
    );
}

#[test]
fn the_same_capture_again_adds_nothing() {
    let place = Place::new();
    let file = place.file("gw.pcap", &capture(&["/a", "/b"]));
    let first = place.read(&[&file], &[], 0);
    let segments = place.segments();
    assert_eq!(first["segments"]["exchanges"]["published"], 1);
    let again = place.read(&[&file], &[], 0);
    assert_eq!(again["segments"]["exchanges"]["published"], 0);
    assert_eq!(again["segments"]["exchanges"]["already_there"], 1);
    assert_eq!(again["segments"]["capture"]["already_there"], 1);
    assert_eq!(again["recorder"], first["recorder"]);
    assert_eq!(place.segments(), segments);
    assert_eq!(place.exchanges().len(), 2);
}

#[test]
fn another_recording_under_the_same_id_is_refused() {
    let place = Place::new();
    let file = place.file("gw.pcap", &capture(&["/a", "/b"]));
    place.read(&[&file], &[], 0);
    let segments = place.segments();
    // Other flags give other bytes, and a file that has grown gives other rows: either would be there twice.
    let grown = capture(&["/a", "/b", "/c"]);
    for (bytes, flags) in [
        (capture(&["/a", "/b"]), &["--max-body", "1"][..]),
        (grown, &[]),
    ] {
        place.file("gw.pcap", &bytes);
        let ran = run(&mut place.command(&[&file], flags)).expect_code(2);
        assert!(ran.stderr.contains("--recorder-id"), "{}", ran.stderr);
        assert!(ran.stderr.contains("exchanges/date="), "{}", ran.stderr);
        assert_eq!(place.segments(), segments, "nothing was written");
    }
    place.read(&[&file], &["--recorder-id", "second"], 0);
    assert_eq!(place.exchanges().len(), 5);
}

#[test]
fn a_cut_capture_is_recorded_up_to_there() {
    let place = Place::new();
    let whole = capture(&["/a", "/b"]);
    let cut = place.file("cut.pcap", &whole[..whole.len() - 200]);
    let fine = place.file(
        "fine.pcap",
        &exchange(PacketScript::new(), 60_000, "/fine").pcap(),
    );
    let summary = place.read(&[&cut, &fine], &[], 1);
    assert_eq!(summary["outcome"], "incomplete");
    assert_eq!(summary["incomplete_files"][0]["file"], "cut.pcap");
    let reason = summary["incomplete_files"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("in the middle of a packet"), "{reason}");
    let exchanges = place.exchanges();
    assert_eq!(paths(&exchanges).len(), 3);
    let cut_short = exchanges
        .iter()
        .find(|exchange| exchange.completeness == Completeness::NoResponse);
    assert_eq!(cut_short.unwrap().request.as_ref().unwrap().path, "/b");

    let ran = run(&mut place.command(&[&cut, &fine], &[])).expect_code(1);
    assert!(
        ran.stdout.contains("! cut.pcap is cut off"),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_is_no_capture_is_refused_before_anything_is_written() {
    let place = Place::new();
    let fine = place.file("fine.pcap", &capture(&["/a"]));
    let cases = [
        (place.file("empty", b""), "is empty"),
        (
            place.file("notes.txt", b"not a capture at all, but long enough"),
            "neither pcap nor pcapng",
        ),
        (place.0.path().join("missing.pcap"), "cannot read"),
        (place.0.path().to_owned(), "directory"),
    ];
    for (path, expected) in cases {
        let ran = run(&mut place.command(&[&fine, &path], &[])).expect_code(2);
        assert_eq!(ran.stdout, "");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(path.to_str().unwrap()),
            "{}",
            ran.stderr
        );
        assert!(!place.archive().exists());
    }
}

#[test]
fn a_link_type_that_nobody_reads_fails_only_where_there_is_nothing_else() {
    let place = Place::new();
    let header = pcap_file::pcap::PcapHeader {
        datalink: DataLink::IEEE802_11,
        ts_resolution: TsResolution::MicroSecond,
        ..Default::default()
    };
    let mut writer = pcap_file::pcap::PcapWriter::with_header(Vec::new(), header).unwrap();
    let packet = pcap_file::pcap::PcapPacket::new(Duration::from_secs(1_700_000_000), 4, b"wifi");
    writer.write_packet(&packet).unwrap();
    let wifi = place.file("wifi.pcap", &writer.into_writer());
    let ran = run(&mut place.command(&[&wifi], &[])).expect_code(2);
    assert!(ran.stderr.contains("link type 105"), "{}", ran.stderr);

    let place = Place::new();
    let fine = place.file("fine.pcap", &capture(&["/a"]));
    let summary = place.read(&[&wifi, &fine], &[], 0);
    assert_eq!(summary["frames"]["unsupported_link_types"]["105"], 1);
    assert_eq!(summary["frames"]["undecodable"], 1);
    assert!(
        summary["advice"][0]
            .as_str()
            .unwrap()
            .contains("link type 105")
    );
    assert_eq!(place.exchanges().len(), 1);
}

#[test]
fn hours_have_their_own_segments_and_every_minute_its_row() {
    let hour = Duration::from_secs(3_600);
    let mut script = exchange(PacketScript::new(), 40_000, "/first");
    script = exchange(script.after(hour), 40_001, "/second");
    script = exchange(script.after(hour), 40_002, "/third");
    let place = Place::new();
    let summary = place.read(&[&place.file("gw.pcap", &script.pcap())], &[], 0);
    assert_eq!(summary["segments"]["exchanges"]["published"], 3);
    assert_eq!(paths(&place.exchanges()), ["/first", "/second", "/third"]);
    let segments = place.segments();
    for table in ["exchanges", "capture"] {
        let mut numbers: Vec<_> = segments
            .iter()
            .filter(|name| name.starts_with(table))
            .map(|name| name.rsplit('-').next().unwrap().to_owned())
            .collect();
        numbers.sort();
        let expected: Vec<_> = (0..numbers.len())
            .map(|number| format!("{number:08}.parquet"))
            .collect();
        assert_eq!(numbers, expected, "{table}: numbers without holes");
    }
    let ledger = read_ledger(&place.archive());
    let exchanges: u64 = ledger.iter().map(|(_, row)| row.exchanges).sum();
    let frames: u64 = ledger.iter().map(|(_, row)| row.frames).sum();
    assert_eq!((exchanges, frames), (3, script.frames().len() as u64));
    let mut minutes: Vec<_> = ledger.iter().map(|(_, row)| row.minute).collect();
    minutes.sort();
    minutes.dedup();
    let span = minutes[minutes.len() - 1].since(minutes[0]).as_secs() / 60 + 1;
    assert_eq!(minutes.len() as u64, span, "no minute is without a row");
}

#[test]
fn every_frame_is_accounted_for() {
    let script = exchange(PacketScript::new(), 40_000, "/a").frame(b"not even ethernet");
    let place = Place::new();
    let summary = place.read(&[&place.file("gw.pcap", &script.pcap())], &[], 0);
    let frames = &summary["frames"];
    let count = |name: &str| frames[name].as_u64().unwrap();
    let classes = [
        "tcp_payload",
        "tcp_no_payload",
        "ip_fragment",
        "not_tcp",
        "not_ip",
        "undecodable",
    ];
    assert_eq!(classes.map(count).iter().sum::<u64>(), count("total"));
    assert_eq!(count("total"), script.frames().len() as u64);
}

#[test]
fn the_library_records_as_the_program_does() {
    let place = Place::new();
    let file = place.file("gw.pcap", &capture(&["/a"]));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = recorder::Config::read(vec![file], place.archive().to_str().unwrap()).unwrap();
    let summary = runtime
        .block_on(recorder::run(config.clone(), std::future::pending()))
        .unwrap();
    assert_eq!(summary.outcome, recorder::Outcome::Complete);
    assert_eq!(summary.exchange_count("complete"), 1);
    assert_eq!(paths(&place.exchanges()), ["/a"]);
    // A shutdown that has come before anything was read leaves nothing behind.
    let other = recorder::Config {
        archive: config.archive.join("other/").unwrap(),
        ..config
    };
    let error = runtime.block_on(recorder::run(other, std::future::ready(())));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("interrupted before")
    );
    assert!(!place.archive().join("other").exists());
}

#[test]
fn quiet_is_quiet() {
    let place = Place::new();
    let file = place.file("gw.pcap", &capture(&["/a"]));
    let Ran {
        code,
        stdout,
        stderr,
    } = run(&mut place.command(&[&file], &["--quiet"]));
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
}
