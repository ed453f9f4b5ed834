use expect_test::{expect, expect_file};

use super::*;

/// The summary of a recording with these counts.
fn summary(counters: Counters, exchanges: &[(Completeness, u64)], report: Report) -> Summary {
    let mut counts = vec![0; Completeness::ALL.len()];
    for &(completeness, count) in exchanges {
        counts[completeness as usize] = count;
    }
    let done = Done {
        counters,
        exchanges: counts,
        report,
        interrupted: false,
        tls: TlsServers::default(),
        matches: vec![1_234],
    };
    let published = Published {
        exchanges: Segments {
            published: 3,
            published_bytes: 12_345_678,
            ..Segments::default()
        },
        capture: Segments {
            already_there: 1,
            already_there_bytes: 4_321,
            ..Segments::default()
        },
    };
    let recorder = "read-00c0ffee0000".parse().unwrap();
    let rules = ["header:authorization".to_owned(), "cookie:sid".to_owned()];
    let redaction = Redaction::new(&rules, None).unwrap();
    let about = About {
        recorder: &recorder,
        archive: "/var/archive",
        redaction: Some(&redaction),
        took: Duration::from_millis(1_500),
        spool: None,
    };
    Summary::new(&about, done, published)
}

fn busy() -> Summary {
    let mut counters = Counters::default();
    counters.frames_payload = 600;
    counters.frames_no_payload = 300;
    counters.frames_not_tcp = 60;
    counters.frames_not_ip = 10;
    counters.bytes_payload = 500_000;
    counters.bytes_delivered = 490_000;
    counters.bytes_repeated = 10_000;
    counters.bytes_http = 400_000;
    counters.ledger.frames = 1_000;
    counters.ledger.bytes = 640_000;
    counters.ledger.frames_undecodable = 30;
    counters.ledger.frames_truncated = 7;
    counters.ledger.bytes_truncated = 10_500;
    counters.ledger.connections_opened = 12;
    counters.ledger.connections_joined_midstream = 1;
    counters.ledger.bytes_tls = 90_000;
    counters.ledger.gaps = 2;
    counters.ledger.gap_bytes = 2_920;
    counters.ledger.exchanges_sampled_out = 900;
    counters.ledger.exchanges_filtered_out = 25;
    counters.ledger.bodies_masked = 3;
    for _ in 0..1_234 {
        counters.count(Anomaly::TcpRetransmission);
    }
    let report = Report {
        files: 2,
        span: Some((
            Timestamp::from_micros(1_795_352_400_000_000),
            Timestamp::from_micros(1_795_353_000_250_000),
        )),
        faults: vec![(
            "gw.pcap1".to_owned(),
            "cut off: the file ends in the middle of a packet (after 4711 whole bytes)".to_owned(),
        )],
        unsupported: BTreeMap::from([(105, 20)]),
        untimed: 0,
    };
    let exchanges = [(Completeness::Complete, 95), (Completeness::ResponseGap, 2)];
    summary(counters, &exchanges, report)
}

#[test]
fn the_text_is_for_an_operator() {
    expect![[r#"
        Recorded 97 exchanges of 2 captures as read-00c0ffee0000
             into /var/archive
             from 2026-11-22T13:00:00.000000Z
               to 2026-11-22T13:10:00.250000Z (10 min 00 s)

          Frames                     1,000  625 KiB
            TCP with payload           600
            TCP without payload        300
            not TCP                     60
            not IP                      10
            undecodable                 30
            truncated                    7  of them all; 10.3 KiB cut off
          Payload                  488 KiB
            HTTP                   391 KiB
            TLS                   87.9 KiB
            repeated              9.77 KiB
          Connections                   13  12 from their handshake on, 1 joined midway
            gaps                         2  2.85 KiB never captured
          Exchanges                     97
            complete                    95
            response_gap                 2
            left out by filters         25  not recorded
            left out by sampling       875  not recorded
          Redacted                   1,234  2 rules sha256:62895a76aceee32a
            bodies                       3  taken out whole: they could not be read
          Segments                       3  11.8 MiB written
          Ledger                         1  1 with 4.22 KiB were already there
          Oddities
            tcp_retransmission       1,234
          Took                      1.50 s  666 frames/s, 417 KiB/s

        ! gw.pcap1 is cut off: the file ends in the middle of a packet (after 4711 whole bytes)

        What to do
          - 20 frames have link type 105, which is not supported: capture on an Ethernet, raw IP, Linux
            cooked (any) or loopback interface
          - 7 frames were cut and lack 10.3 KiB: capture with the full length (tcpdump -s 0); for VPC
            Traffic Mirroring, set the MTU of the mirrored interfaces to at most 8947 where the target is
            an interface, 8486 where it is a network load balancer (and PacketLength to 8500), 8446 (IPv6:
            8426) where it is a gateway load balancer; for other mirrors, let the target's MTU exceed the
            source's by 54 bytes (IPv4) or 74 bytes (IPv6)
          - 87.9 KiB are TLS and cannot be read: mirror behind the end of TLS, between the load balancer or
            gateway and the service
          - 2.85 KiB of TCP streams were never captured, in 2 gaps: see whether the mirror or the capturing
            program dropped packets (tcpdump says so when it ends; larger buffer: tcpdump -B)
          - the rule `cookie:sid` matched nothing: see whether its name is right
    "#]].assert_eq(&busy().text());
    assert!(busy().text().lines().all(|line| line.len() <= 100));
}

#[test]
fn the_fields_of_the_json_document_stay() {
    expect_file!["summary.json"].assert_eq(&busy().json());
}

#[test]
fn every_frame_and_byte_is_accounted_for() {
    let Summary {
        frames,
        payload_bytes: payload,
        ..
    } = busy();
    let classes = frames.tcp_payload
        + frames.tcp_no_payload
        + frames.ip_fragment
        + frames.not_tcp
        + frames.not_ip
        + frames.undecodable;
    assert_eq!(classes, frames.total);
    let classes =
        payload.http + payload.tls + payload.not_http + payload.repeated + payload.discarded;
    assert_eq!(classes, payload.total);
}

#[test]
fn a_clean_recording_gives_no_advice() {
    let clean = summary(
        Counters::default(),
        &[(Completeness::Complete, 5)],
        Report::default(),
    );
    assert_eq!(
        clean.advice,
        ["the rule `cookie:sid` matched nothing: see whether its name is right"]
    );
    assert_eq!(clean.outcome, Outcome::Complete);
}

/// Copies that a proxy sends have no response, and come in no frame.
#[test]
fn requests_without_frames_lack_no_direction() {
    let copies = [(Completeness::NoResponse, 9)];
    let advice = summary(Counters::default(), &copies, Report::default()).advice;
    assert!(!advice.join("").contains("direction"), "{advice:?}");
}

#[test]
fn advice_says_what_to_do() {
    let frames = |set: fn(&mut Counters)| {
        let mut counters = Counters::default();
        set(&mut counters);
        counters.ledger.frames = counters.frames_accounted();
        counters
    };
    let one_sided = [(Completeness::NoResponse, 9), (Completeness::Complete, 1)];
    let unasked = [(Completeness::NoRequest, 9)];
    type Case<'a> = (Counters, &'a [(Completeness, u64)], &'a str);
    let cases: [Case<'_>; 6] = [
        (
            frames(|counters| counters.frames_payload = 9),
            &one_sided,
            "from server to client",
        ),
        (
            frames(|counters| counters.frames_payload = 9),
            &unasked,
            "from client to server",
        ),
        (
            frames(|counters| counters.frames_payload = 5),
            &[],
            "none of it is HTTP",
        ),
        (
            frames(|counters| counters.frames_no_payload = 5),
            &[],
            "carries data",
        ),
        (
            frames(|counters| counters.frames_not_tcp = 5),
            &[],
            "--vxlan-port",
        ),
        (
            frames(|counters| counters.frames_not_ip = 5),
            &[],
            "no frame holds IP",
        ),
    ];
    for (counters, exchanges, expected) in cases {
        let advice = summary(counters, exchanges, Report::default())
            .advice
            .join("\n");
        assert!(advice.contains(expected), "{expected}: {advice}");
    }
}
