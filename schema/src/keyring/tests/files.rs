//! Parquet files of every table, encrypted.

use super::*;
use crate::testing::{at, exchange, options, read_all, recorder, seal};
use crate::{
    Divergence, DivergenceKind, Exchange, FooterStep, Integrity, LedgerRow, Projection, Pushed,
    SegmentBuilder, Table, TimeWindow, decode_divergences, decode_ledger, decode_segment,
    empty_segment, encode_divergences, encode_ledger, inspect, read_footer, rewrite_segment,
    same_content, verify,
};

fn ring() -> Keyring {
    Keyring::new(vec![key("production", 1)])
}

fn exchanges() -> Vec<Exchange> {
    (0..3_000).map(|number| exchange(number, number)).collect()
}

/// A segment of three batches.
fn sealed(keys: &Keyring) -> crate::SealedSegment {
    let options = crate::SegmentOptions {
        keys: keys.clone(),
        ..options()
    };
    let bounds = crate::builder::Bounds {
        batch_rows: 1_000,
        ..crate::builder::Bounds::FORMAT
    };
    let mut builder = SegmentBuilder::with_bounds(options, bounds);
    for exchange in exchanges() {
        assert!(matches!(builder.push(exchange).unwrap(), Pushed::Stored));
    }
    builder.seal(3).unwrap().unwrap()
}

fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn a_segment_is_read_with_its_key_and_shows_nothing_without() {
    let segment = sealed(&ring());
    let plain = sealed(&Keyring::default());
    // In plain text, names of columns and what the footer says are seen at least.
    for text in ["shop.example", "request_start", "recorder-1", "spool-1"] {
        assert!(contains(&plain.bytes, text), "{text}");
        assert!(!contains(&segment.bytes, text), "{text}");
    }
    let mut read = Vec::new();
    let all = (TimeWindow::ALL, Projection::All);
    decode_segment(&segment.bytes, &ring(), all.0, all.1, |one| read.push(one)).unwrap();
    assert_eq!(read, exchanges());

    let rotated = Keyring::new(vec![key("next", 2), key("production", 1)]);
    let mut rows = 0;
    decode_segment(&segment.bytes, &rotated, all.0, all.1, |_| rows += 1).unwrap();
    assert_eq!(rows, 3_000);
    for (keys, given) in [
        (Keyring::default(), 0),
        (Keyring::new(vec![key("next", 2)]), 1),
    ] {
        let error = decode_segment(&segment.bytes, &keys, all.0, all.1, |_| {}).unwrap_err();
        let Error::Locked(locked) = error else {
            panic!("{error:?}")
        };
        assert_eq!((locked.name.as_str(), locked.given), ("production", given));
    }
    assert_eq!(verify(&segment.bytes).unwrap(), Integrity::Intact);
}

#[test]
fn a_window_is_decoded_by_its_pages() {
    let segment = sealed(&ring());
    let window = TimeWindow {
        start: at(1_500),
        end: at(1_600),
    };
    let mut read = Vec::new();
    decode_segment(&segment.bytes, &ring(), window, Projection::All, |one| {
        read.push(one);
    })
    .unwrap();
    assert_eq!(read, exchanges()[1_500..1_600]);
}

#[test]
fn footers_and_rewritten_files_are_encrypted_too() {
    let (keys, segment) = (ring(), sealed(&ring()));
    let FooterStep::NeedsTail(needed) =
        read_footer(&segment.bytes.slice(segment.bytes.len() - 9..), &keys).unwrap()
    else {
        panic!("nine bytes are no footer")
    };
    let tail = segment
        .bytes
        .slice(segment.bytes.len() - usize::try_from(needed).unwrap()..);
    let FooterStep::Footer(footer) = read_footer(&tail, &keys).unwrap() else {
        panic!("it is all there")
    };
    assert_eq!(
        (footer.rows, footer.spool.as_deref()),
        (3_000, Some("spool-1"))
    );
    let error = read_footer(&tail, &Keyring::default()).unwrap_err();
    assert!(matches!(error, Error::Locked(_)), "{error}");

    let inspected = inspect(
        &Table::Exchanges,
        &segment.key,
        &segment.bytes,
        &keys,
        |_| {},
    );
    assert_eq!(inspected.unwrap().problems, [""; 0]);

    let emptied = empty_segment(&segment.bytes, &keys).unwrap();
    let erase = |exchange: &Exchange| exchange.start() < at(10);
    let (key, file) = (&segment.key, &segment.bytes);
    let rewritten = rewrite_segment(key, file, &keys, &recorder(), "test", erase);
    let rewritten = rewritten.unwrap().unwrap();
    assert_eq!(rewritten.segment.rows, 2_990);
    for file in [&emptied, &rewritten.segment.bytes] {
        assert!(!contains(file, "recorder-1"));
        assert_eq!(verify(file).unwrap(), Integrity::Intact);
    }
}

#[test]
fn small_tables_are_encrypted_too() {
    let keys = ring();
    let row = LedgerRow {
        minute: at(0),
        source: Some("marked-source".to_owned()),
        ..LedgerRow::default()
    };
    let ledger = encode_ledger(std::slice::from_ref(&row), &recorder(), 0, 1, &keys).unwrap();
    assert!(!contains(&ledger.bytes, "marked-source"));
    assert_eq!(
        decode_ledger(ledger.bytes.clone(), &keys).unwrap()[0].1,
        row
    );
    let error = decode_ledger(ledger.bytes, &Keyring::default()).unwrap_err();
    assert!(matches!(error, Error::Locked(_)), "{error}");

    let divergence = Divergence {
        exchange: exchange(0, 0).id(),
        recorded_start: at(0),
        method: "GET".to_owned(),
        host: None,
        path: "/".to_owned(),
        endpoint: "GET /".to_owned(),
        part: "status".to_owned(),
        location: String::new(),
        kind: DivergenceKind::ALL[0],
        expected: Some("marked-answer".to_owned()),
        actual: None,
    };
    let rows = [divergence];
    let file = encode_divergences(&rows, 1, &keys).unwrap();
    assert!(!contains(&file, "marked-answer"));
    assert_eq!(decode_divergences(file, &keys).unwrap(), rows);
}

#[test]
fn no_row_comes_out_changed_whatever_byte_is_damaged() {
    let segment = sealed(&ring());
    let mut refused = 0;
    for at in (0..segment.bytes.len()).step_by(211) {
        let mut file = segment.bytes.to_vec();
        file[at] ^= 0x20;
        let file = Bytes::from(file);
        assert!(verify(&file).is_err(), "{at}");
        let mut rows = Vec::new();
        let (window, all) = (TimeWindow::ALL, Projection::All);
        match decode_segment(&file, &ring(), window, all, |one| rows.push(one)) {
            // What no reader reads is vouched for by the checksum alone.
            Ok(()) => assert_eq!(rows, exchanges(), "{at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn plain_files_are_read_with_keys_too() {
    let plain = seal([exchange(0, 0)]);
    let mut rows = 0;
    let (window, all) = (TimeWindow::ALL, Projection::All);
    decode_segment(&plain.bytes, &ring(), window, all, |_| rows += 1).unwrap();
    assert_eq!((rows, read_all(&plain.bytes).len()), (1, 1));
}

#[test]
fn the_same_content_is_known_however_it_is_encrypted() {
    let (one, other) = (sealed(&ring()).bytes, sealed(&ring()).bytes);
    assert_ne!(one, other);
    let plain = sealed(&Keyring::default()).bytes;
    for (file, expected) in [
        (&other, true),
        (&plain, true),
        (&seal(exchanges()).bytes, false),
    ] {
        assert_eq!(same_content(&one, file, &ring()).unwrap(), expected);
    }
    let error = same_content(&one, &other, &Keyring::default()).unwrap_err();
    assert!(matches!(error, Error::Locked(_)), "{error}");
    let mut changed = exchanges();
    changed[17].request.as_mut().unwrap().path.push('x');
    let mut builder = SegmentBuilder::new(options());
    for exchange in changed {
        builder.push(exchange).unwrap();
    }
    let changed = builder.seal(3).unwrap().unwrap().bytes;
    assert!(!same_content(&seal(exchanges()).bytes, &changed, &ring()).unwrap());
}
