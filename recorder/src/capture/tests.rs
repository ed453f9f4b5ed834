use std::io::Write as _;
use std::path::Path;

use pcap_file::pcap::{PcapHeader, PcapWriter, RawPcapPacket};
use pcap_file::{DataLink, Endianness, TsResolution};
use tempfile::TempDir;

use super::*;

/// A packet of a test: seconds, fraction, what is captured, length on the wire.
type Packet<'a> = (u32, u32, &'a [u8], u32);

fn pcap(order: Endianness, resolution: TsResolution, link: u32, packets: &[Packet<'_>]) -> Vec<u8> {
    let header = PcapHeader {
        endianness: order,
        ts_resolution: resolution,
        datalink: DataLink::from(link),
        snaplen: 4,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for &(ts_sec, ts_frac, data, orig_len) in packets {
        let packet = RawPcapPacket {
            ts_sec,
            ts_frac,
            incl_len: u32::try_from(data.len()).unwrap(),
            orig_len,
            data: data.into(),
        };
        writer.write_raw_packet(&packet).unwrap();
    }
    writer.into_writer()
}

/// A classic little-endian capture of one-byte packets at these seconds.
fn simple(packets: &[(u32, u8)]) -> Vec<u8> {
    let packets: Vec<_> = packets.iter().map(|&(at, byte)| (at, [byte])).collect();
    let packets: Vec<_> = packets
        .iter()
        .map(|(at, data)| (*at, 0, &data[..], 1))
        .collect();
    pcap(Endianness::Little, TsResolution::MicroSecond, 1, &packets)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Files of a test, by name.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, names: &[&str]) -> anyhow::Result<Captures> {
        let paths: Vec<_> = names.iter().map(|name| self.path(name)).collect();
        Captures::open(&paths)
    }
}

/// A frame of a test: nanoseconds, link layer, bytes, length on the wire, source.
type Seen = (u64, LinkType, Vec<u8>, u32, String);

fn read_all(mut captures: Captures) -> (Vec<Seen>, Report) {
    let mut frames = Vec::new();
    while let Some(frame) = captures.next_frame().unwrap() {
        let bytes = frame.bytes.to_vec();
        let (at, source) = (frame.at.as_nanos(), frame.source.to_string());
        frames.push((at, frame.link, bytes, frame.wire_len, source));
    }
    (frames, captures.into_report())
}

/// The frames' first bytes with their sources.
fn order(captures: Captures) -> Vec<(u8, String)> {
    let frames = read_all(captures).0.into_iter();
    frames
        .map(|(_, _, bytes, _, source)| (bytes[0], source))
        .collect()
}

#[test]
fn either_byte_order_and_resolution_plain_and_compressed() {
    let long = vec![7; 300_000];
    // Longer than the snap length, empty, longer than the buffer, and claiming to be shorter on the wire than captured.
    let packets: [Packet<'_>; 4] = [
        (9, 5, b"abcd", 1_500),
        (9, 6, b"", 0),
        (9, 7, &long, 300_000),
        (9, 8, b"ab", 1),
    ];
    for order in [Endianness::Big, Endianness::Little] {
        for (resolution, unit) in [
            (TsResolution::MicroSecond, 1_000),
            (TsResolution::NanoSecond, 1),
        ] {
            let plain = pcap(order, resolution, 101, &packets);
            let (gz, zst) = (gzip(&plain), zstd::encode_all(&plain[..], 1).unwrap());
            // Two members after each other are one file (RFC 1952 section 2.2), and so are two frames.
            let halves = plain.split_at(plain.len() / 2);
            let members = [gzip(halves.0), gzip(halves.1)].concat();
            for (name, bytes) in [
                ("plain", &plain),
                ("gz", &gz),
                ("zst", &zst),
                ("members", &members),
            ] {
                let files = Files::new(&[(name, bytes)]);
                let (frames, report) = read_all(files.open(&[name]).unwrap());
                let frame = |fraction: u64, bytes: &[u8], wire| {
                    let at = 9_000_000_000 + fraction * unit;
                    (at, LinkType::RawIp, bytes.to_vec(), wire, name.to_owned())
                };
                let expected = [
                    frame(5, b"abcd", 1_500),
                    frame(6, b"", 0),
                    frame(7, &long, 300_000),
                    frame(8, b"ab", 2),
                ];
                assert_eq!(frames, expected, "{order:?} {resolution:?} {name}");
                assert!(report.faults.is_empty(), "{:?}", report.faults);
            }
        }
    }
}

#[test]
fn link_types_are_told_apart_and_unsupported_ones_counted() {
    let cases = [
        (0, LinkType::Null),
        (1, LinkType::Ethernet),
        (12, LinkType::RawIp),
        (228, LinkType::RawIp),
        (113, LinkType::LinuxSll),
        (276, LinkType::LinuxSll2),
        // The upper bits say that four bytes of checksum end each frame.
        (1 | 0x5400_0000, LinkType::Ethernet),
    ];
    for (number, link) in cases {
        let bytes = pcap(
            Endianness::Big,
            TsResolution::MicroSecond,
            number,
            &[(1, 0, b"x", 1)],
        );
        let files = Files::new(&[("a", &bytes)]);
        assert_eq!(
            read_all(files.open(&["a"]).unwrap()).0[0].1,
            link,
            "{number}"
        );
    }
    let bytes = pcap(
        Endianness::Big,
        TsResolution::MicroSecond,
        105,
        &[(1, 0, b"E", 1), (2, 0, b"E", 1)],
    );
    let (frames, report) = read_all(Files::new(&[("a", &bytes)]).open(&["a"]).unwrap());
    assert!(frames.iter().all(|frame| frame.2.is_empty()));
    assert_eq!(report.unsupported, BTreeMap::from([(105, 2)]));
}

#[test]
fn files_are_merged_by_time_and_keep_their_own_order() {
    let files = Files::new(&[
        (
            "b.pcap",
            &simple(&[(10, b'b'), (14, b'e'), (13, b'f'), (20, b'i')]),
        ),
        (
            "a.pcap",
            &simple(&[(11, b'c'), (12, b'd'), (15, b'g'), (16, b'h')]),
        ),
        ("z.pcap", &simple(&[(1, b'a')])),
        ("empty.pcap", &simple(&[])),
    ]);
    let names = ["b.pcap", "empty.pcap", "a.pcap", "z.pcap"];
    let read = order(files.open(&names).unwrap());
    let bytes: Vec<u8> = read.iter().map(|(byte, _)| *byte).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), "abcdefghi");
    assert_eq!(read[2].1, "a.pcap");
    let (_, report) = read_all(files.open(&names).unwrap());
    assert_eq!(report.files, 4);
    let seconds = report
        .span
        .map(|(first, last)| (first.as_micros(), last.as_micros()));
    assert_eq!(seconds, Some((1_000_000, 20_000_000)));
}

#[test]
fn the_next_file_of_a_rotated_capture_keeps_its_source() {
    let files = Files::new(&[
        ("gw.pcap", &simple(&[(10, b'a'), (11, b'b')])),
        ("gw.pcap1", &simple(&[(11, b'c'), (12, b'd')])),
        // After a pause it is another capture, and so is what overlaps: two machines, say.
        ("gw.pcap2", &simple(&[(1_000, b'e'), (1_010, b'g')])),
        ("gw.pcap3", &simple(&[(1_005, b'f')])),
        ("other.pcap", &simple(&[(12, b'o')])),
    ]);
    let names = ["gw.pcap3", "gw.pcap2", "gw.pcap1", "gw.pcap", "other.pcap"];
    let sources: HashMap<u8, String> = order(files.open(&names).unwrap()).into_iter().collect();
    let expected = [
        (b'a', "gw.pcap"),
        (b'c', "gw.pcap"),
        (b'd', "gw.pcap"),
        (b'e', "gw.pcap2"),
        (b'f', "gw.pcap3"),
        (b'g', "gw.pcap2"),
        (b'o', "other.pcap"),
    ];
    for (byte, source) in expected {
        assert_eq!(sources[&byte], source, "{}", char::from(byte));
    }
}

#[test]
fn a_capture_cut_at_any_byte_gives_its_whole_packets() {
    let whole = simple(&[(1, b'a'), (2, b'b')]);
    for cut in 24..=whole.len() {
        let files = Files::new(&[("a", &whole[..cut])]);
        let (frames, report) = read_all(files.open(&["a"]).unwrap());
        assert_eq!(frames.len(), (cut - 24) / 17, "{cut}");
        let is_whole = (cut - 24).is_multiple_of(17);
        assert_eq!(
            report.faults.is_empty(),
            is_whole,
            "{cut}: {:?}",
            report.faults
        );
        for (name, why) in report.faults {
            assert_eq!(name, "a");
            assert!(
                why.starts_with("cut off: the file ends in the middle of a packet"),
                "{why}"
            );
        }
    }
}

#[test]
fn compressed_captures_that_end_early_give_what_is_whole() {
    let packets: Vec<_> = (0..20_000)
        .map(|i| (i, u8::try_from(i % 251).unwrap()))
        .collect();
    let plain = simple(&packets);
    for compressed in [gzip(&plain), zstd::encode_all(&plain[..], 1).unwrap()] {
        let files = Files::new(&[("a", &compressed[..compressed.len() / 2])]);
        let (frames, report) = read_all(files.open(&["a"]).unwrap());
        assert!((1_000..20_000).contains(&frames.len()), "{}", frames.len());
        assert!(
            report.faults[0].1.starts_with("cut off"),
            "{:?}",
            report.faults
        );
    }
}

#[test]
fn a_packet_of_impossible_length_ends_its_file_only() {
    let mut damaged = simple(&[(1, b'a'), (2, b'b')]);
    damaged[24 + 17 + 11] = 0x7f;
    let files = Files::new(&[("damaged", &damaged), ("fine", &simple(&[(3, b'c')]))]);
    let (frames, report) = read_all(files.open(&["damaged", "fine"]).unwrap());
    assert_eq!(frames.len(), 2);
    assert_eq!(report.faults.len(), 1);
    assert!(
        report.faults[0].1.starts_with("damaged: a packet of"),
        "{:?}",
        report.faults
    );
}

#[test]
fn what_is_no_capture_is_refused_in_one_line() {
    let files = Files::new(&[
        ("empty", b""),
        ("text", b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
        ("short", &simple(&[])[..20]),
        ("text.gz", &gzip(b"not packets")),
        ("broken.gz", &gzip(b"not packets")[..8]),
        ("fine", &simple(&[])),
        ("folder/fine", &simple(&[])),
    ]);
    let cases: [(&[&str], &str); 8] = [
        (&["empty"], "empty` is empty"),
        (&["text"], "neither pcap nor pcapng"),
        (&["short"], "neither pcap nor pcapng"),
        (&["text.gz"], "neither pcap nor pcapng"),
        (&["broken.gz"], "is not a capture: cut off"),
        (&["folder"], "it is a directory"),
        (&["missing"], "No such file"),
        (&["fine", "folder/../fine"], "given twice"),
    ];
    for (names, expected) in cases {
        let error = files
            .open(names)
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap();
        assert!(
            error.contains(expected) && !error.contains('\n'),
            "{names:?}: {error}"
        );
    }
}

#[test]
fn the_derived_id_is_that_of_the_captures() {
    let (one, two) = (simple(&[(1, b'a'), (2, b'b')]), simple(&[(3, b'c')]));
    let longer = simple(&[(1, b'a'), (2, b'b'), (9, b'z')]);
    let files = Files::new(&[
        ("one", &one),
        ("two", &two),
        ("copy/one", &one),
        ("copy/two", &two),
        ("grown/one", &longer),
        ("other/one", &two),
    ]);
    let id = |names: &[&str]| files.open(names).unwrap().derived_id().to_string();
    let of_both = id(&["one", "two"]);
    assert_eq!(of_both.len(), "read-".len() + 12);
    assert_eq!(
        of_both,
        id(&["two", "one"]),
        "the order of arguments is nothing"
    );
    assert_eq!(of_both, id(&["copy/one", "copy/two"]), "nor is the folder");
    assert_eq!(id(&["one"]), id(&["grown/one"]), "nor how far it has grown");
    assert_ne!(id(&["one"]), id(&["two"]));
    assert_ne!(id(&["one"]), id(&["other/one"]));
    assert_ne!(of_both, id(&["one"]));
}

#[test]
fn progress_counts_bytes_as_they_lie_on_disk() {
    let bytes = gzip(&simple(&[(1, b'a'), (2, b'b')]));
    let files = Files::new(&[("a", &bytes)]);
    let captures = files.open(&["a"]).unwrap();
    let (total, progress) = (captures.bytes_total(), captures.progress());
    read_all(captures);
    assert_eq!(total, Some(bytes.len() as u64));
    assert_eq!(
        progress.load(std::sync::atomic::Ordering::Relaxed),
        bytes.len() as u64
    );
    assert!(Path::new(&files.path("a")).exists());
}
