use super::*;
use crate::live::{Columns, Position, StreamEncoder};
use crate::testing::{exchange, options, recorder};

fn rows() -> Vec<Vec<Row>> {
    let row = |number: u64| Row {
        position: Position {
            spool: 0xabc,
            generation: 7,
            row: number,
        },
        missed: number % 3,
        exchange: Arc::new(exchange(number, number * 10)),
    };
    vec![
        vec![],
        (0..5).map(row).collect(),
        vec![],
        (5..70).map(row).collect(),
    ]
}

/// The stream of `batches`, with its end mark.
fn stream(columns: Columns) -> Vec<u8> {
    let mut encoder = StreamEncoder::new(&options(), columns).unwrap();
    let mut bytes = Vec::new();
    for batch in rows() {
        bytes.extend(encoder.encode(&batch).unwrap());
    }
    bytes.extend(encoder.finish().unwrap());
    bytes
}

/// What comes out of pieces of `step` bytes.
fn read(bytes: &[u8], step: usize) -> Result<Vec<Row>, Error> {
    let mut decoder = LiveDecoder::new();
    let mut rows = Vec::new();
    for piece in bytes.chunks(step) {
        rows.extend(decoder.push(Bytes::copy_from_slice(piece))?);
    }
    decoder.finish()?;
    Ok(rows)
}

#[test]
fn rows_come_out_as_they_went_in_wherever_the_stream_is_cut() {
    let bytes = stream(Columns::default());
    let expected: Vec<_> = rows().into_iter().flatten().collect();
    let mut decoder = LiveDecoder::new();
    drop(decoder.push(bytes.clone().into()).unwrap());
    assert_eq!(decoder.recorder(), Some(&recorder()));
    for step in [1, 7, 64, 4_096, bytes.len()] {
        let read = read(&bytes, step).unwrap();
        assert_eq!(read.len(), expected.len(), "in pieces of {step}");
        for (read, expected) in read.iter().zip(&expected) {
            assert_eq!(read.position, expected.position);
            assert_eq!(read.missed, expected.missed);
            assert_eq!(read.exchange, expected.exchange);
        }
    }
}

#[test]
fn a_stream_that_was_cut_is_not_whole() {
    let bytes = stream(Columns::default());
    for len in [0, 1, 100, bytes.len() - 8, bytes.len() - 1] {
        assert!(read(&bytes[..len], 4_096).is_err(), "{len} bytes");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(read(&longer, 4_096).is_err(), "a byte behind the end");
}

#[test]
fn what_is_no_stream_of_exchanges_is_refused() {
    let columns = "path,status".parse().unwrap();
    let error = read(&stream(columns), 4_096).unwrap_err().to_string();
    assert!(error.contains("column"), "{error}");
    let mut newer = stream(Columns::default());
    let at = newer.windows(3).position(|bytes| bytes == b"1.6").unwrap();
    newer[at] = b'2';
    assert!(matches!(read(&newer, 100), Err(Error::Newer { .. })));
    // Bytes that are anything else: an error or nothing, never a panic.
    for (step, bytes) in [
        (3, b"HTTP/1.1 200 OK\r\n\r\n".repeat(50)),
        (9, vec![0xff; 500]),
    ] {
        assert!(read(&bytes, step).is_err());
    }
    let whole = stream(Columns::default());
    for at in (0..whole.len()).step_by(151) {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        drop(read(&broken, 1_000));
    }
}

/// A batch without rows says that there is nothing to give; a part of one says nothing.
#[test]
fn a_batch_is_told_from_a_part_of_one() {
    let mut encoder = StreamEncoder::new(&options(), Columns::default()).unwrap();
    let mut decoder = LiveDecoder::new();
    for batch in rows() {
        let mut bytes = encoder.encode(&batch).unwrap();
        let rest = bytes.split_off(bytes.len() / 2);
        drop(decoder.push(bytes).unwrap());
        assert!(!decoder.is_between_batches());
        assert_eq!(decoder.push(rest).unwrap().len(), batch.len());
        assert!(decoder.is_between_batches());
    }
}
