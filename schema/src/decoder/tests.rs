use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::testing::{at, exchange, noisy, options, read, read_all, recorder, seal};
use crate::{Headers, LedgerRow, SegmentBuilder, encode_ledger, metadata};

fn many(rows: u64) -> Vec<Exchange> {
    (0..rows)
        .map(|number| exchange(number, number * 10))
        .collect()
}

#[test]
fn what_was_pushed_comes_back_in_order_of_time() {
    let exchanges = many(20_000);
    let mut shuffled = exchanges.clone();
    for few in shuffled.chunks_mut(5) {
        few.reverse();
    }
    let segment = seal(shuffled);
    assert_eq!(segment.rows, 20_000);
    let read = read(&segment.bytes, TimeWindow::ALL, Projection::All).unwrap();
    assert!(
        read.steps.iter().all(|step| step.len() <= 8_192),
        "no more than a batch at once"
    );
    assert!(read.exchanges() == exchanges);
}

#[test]
fn a_window_gives_its_rows_and_reads_only_their_batches() {
    // Bodies that do not compress, so that pages are many.
    let exchanges: Vec<Exchange> = (0..30_000).map(|number| noisy(number, 640)).collect();
    let segment = seal(exchanges.clone());
    let window = TimeWindow {
        start: at(100_005),
        end: at(120_000),
    };
    let few = read(&segment.bytes, window, Projection::All).unwrap();
    let all = read(&segment.bytes, TimeWindow::ALL, Projection::All).unwrap();
    assert!(
        few.bytes() * 2 < all.bytes(),
        "{} of {} bytes",
        few.bytes(),
        all.bytes()
    );
    assert!(few.exchanges() == exchanges[10_001..12_000]);

    let nothing = TimeWindow {
        start: at(400_000),
        end: at(500_000),
    };
    let none = read(&segment.bytes, nothing, Projection::All).unwrap();
    assert_eq!(none.steps, Vec::<Vec<Exchange>>::new());
    assert_eq!(none.ranges.len(), 1, "only the footer is read");
}

#[test]
fn a_small_file_is_read_at_once() {
    let segment = seal(many(10));
    let read = read(&segment.bytes, TimeWindow::ALL, Projection::All).unwrap();
    assert_eq!(read.ranges.len(), 1);
    assert_eq!(read.bytes(), segment.bytes.len() as u64);
}

#[test]
fn a_summary_has_no_headers_and_no_bodies() {
    let exchanges = many(100);
    let segment = seal(exchanges.clone());
    let summaries = read(&segment.bytes, TimeWindow::ALL, Projection::Summary)
        .unwrap()
        .exchanges();
    let expected: Vec<Exchange> = exchanges
        .into_iter()
        .map(|mut exchange| {
            exchange.request.as_mut().unwrap().headers = Headers::default();
            let response = exchange.response.as_mut().unwrap();
            response.headers = Headers::default();
            response.body.bytes = Bytes::new();
            exchange
        })
        .collect();
    assert!(summaries == expected);
}

#[test]
fn rows_of_a_connection_share_it() {
    let exchanges = read_all(&seal(many(8)).bytes);
    let shared =
        |a: usize, b: usize| Arc::ptr_eq(&exchanges[a].connection, &exchanges[b].connection);
    assert!(shared(0, 3) && shared(4, 7) && !shared(3, 4));
}

#[test]
fn rows_of_one_microsecond_are_ordered_by_id() {
    let mut exchanges: Vec<Exchange> = (0..9_000).map(|number| exchange(number, 7)).collect();
    let expected = exchanges.clone();
    exchanges.reverse();
    assert!(read_all(&seal(exchanges).bytes) == expected);
}

/// The file again, with its batch and its footer changed.
fn rewritten(
    file: &Bytes,
    change: impl Fn(RecordBatch) -> RecordBatch,
    key: &str,
    value: Option<&str>,
) -> Bytes {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let mut pairs = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap()
        .clone();
    pairs.retain(|pair| pair.key != key);
    pairs.extend(value.map(|value| KeyValue::new(key.to_owned(), value.to_owned())));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs));
    let batch = change(builder.build().unwrap().next().unwrap().unwrap());
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap().into()
}

fn with_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut fields = batch.schema().fields().to_vec();
    let mut columns = batch.columns().to_vec();
    let field = Arc::new(Field::new(name, column.data_type().clone(), true));
    match fields.iter().position(|field| field.name() == name) {
        Some(index) => (fields[index], columns[index]) = (field, column),
        None => {
            fields.push(field);
            columns.push(column);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn without_column(batch: &RecordBatch, name: &str) -> RecordBatch {
    let schema = batch.schema();
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|&index| schema.field(index).name() != name)
        .collect();
    batch.project(&kept).unwrap()
}

/// What reading the file fails with, told whole.
fn failure(file: &Bytes) -> String {
    let error = read(file, TimeWindow::ALL, Projection::All).unwrap_err();
    let source = std::error::Error::source(&error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[test]
fn columns_and_keys_that_are_not_known_are_ignored() {
    let exchanges = many(10);
    let segment = seal(exchanges.clone());
    let newer = rewritten(
        &segment.bytes,
        |batch| {
            let numbers = Int64Array::from_iter_values(0..10);
            with_column(&batch, "body_hash", Arc::new(numbers))
        },
        metadata::FORMAT,
        Some("1.7"),
    );
    assert!(read_all(&newer) == exchanges);
    let with_key = rewritten(&segment.bytes, |batch| batch, "reprise.future", Some("x"));
    assert!(read_all(&with_key) == exchanges);
}

#[test]
fn what_is_no_segment_of_ours_is_named() {
    let file = seal(many(10)).bytes;
    let same = |batch| batch;
    let cases = [
        (
            rewritten(&file, same, metadata::FORMAT, Some("2.0")),
            "the segment has format 2.0, this program reads up to 1.6: use a newer one",
        ),
        (
            rewritten(&file, same, metadata::FORMAT, Some("one")),
            "not a Reprise segment: `reprise.format` is `one`",
        ),
        (
            rewritten(&file, same, metadata::FORMAT, None),
            "not a Reprise segment: the footer has no key `reprise.format`",
        ),
        (
            rewritten(&file, same, metadata::BATCHES, None),
            "not a Reprise segment: the footer has no key `reprise.batches`",
        ),
        (
            rewritten(&file, same, metadata::BATCHES, Some("[[9,1,2]]")),
            "not a Reprise segment: `reprise.batches` does not describe its 10 rows",
        ),
        (
            rewritten(&file, same, metadata::BATCHES, Some("[[10,1,2]]")),
            "not a Reprise segment: a row starts at 1795352400000000 microseconds, outside of its batch",
        ),
        (
            rewritten(&file, |batch| without_column(&batch, "path"), "", None),
            "not a Reprise segment: column `path` is missing",
        ),
        (
            rewritten(
                &file,
                |batch| with_column(&batch, "path", Arc::new(Int64Array::from(vec![1; 10]))),
                "",
                None,
            ),
            "not a Reprise segment: column `path` is of type Int64",
        ),
        (
            encode_ledger(
                &[LedgerRow::default()],
                &recorder(),
                0,
                1,
                &Keyring::default(),
            )
            .unwrap()
            .bytes,
            "not a Reprise segment: the file belongs to table `capture`, not `exchanges`",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(failure(&file), expected);
    }
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_panic() {
    let file = seal(many(20)).bytes;
    let damaged = "the file is damaged, or is not Parquet";
    for len in [0, 3, 8, 100, file.len() / 2, file.len() - 1] {
        assert!(
            failure(&file.slice(..len)).starts_with(damaged),
            "cut at {len}"
        );
    }
    assert!(failure(&Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n")).starts_with(damaged));
    // A flipped bit may give other rows, for pages carry no checksum, but no panic and no endless loop.
    for index in (0..file.len()).step_by(5) {
        let mut bytes = file.to_vec();
        bytes[index] ^= 1 << (index % 8);
        let _ = read(&bytes.into(), TimeWindow::ALL, Projection::All);
    }
}

#[test]
fn data_must_be_as_long_as_its_range() {
    let file = seal(many(10)).bytes;
    let len = file.len() as u64;
    let mut decoder =
        SegmentDecoder::new(len, &Keyring::default(), TimeWindow::ALL, Projection::All);
    assert!(matches!(decoder.step().unwrap(), Step::NeedsData(_)));
    let whole = || std::iter::once(0..len).collect();
    let short = file.slice(1..);
    decoder
        .push(whole(), vec![short])
        .expect_err("a byte is missing");
    decoder
        .push(whole(), Vec::new())
        .expect_err("a buffer is missing");
    decoder.push(whole(), vec![file]).unwrap();
    assert!(matches!(decoder.step().unwrap(), Step::Exchanges(_)));
    assert!(matches!(decoder.step().unwrap(), Step::Finished));
    assert!(matches!(decoder.step().unwrap(), Step::Finished));
}

#[test]
fn large_bodies_are_decoded_a_few_at_a_time() {
    let body = Bytes::from(vec![b'x'; 3 << 20]);
    let mut builder = SegmentBuilder::new(options());
    for number in 0..40 {
        let mut exchange = exchange(number, number);
        exchange.response.as_mut().unwrap().body.bytes = body.clone();
        builder.push(exchange).unwrap();
    }
    let segment = builder.seal(0).unwrap().unwrap();
    assert!(
        segment.bytes.len() < 1 << 20,
        "bodies of one letter are small in the file"
    );
    let read = read(&segment.bytes, TimeWindow::ALL, Projection::All).unwrap();
    let largest = read.steps.iter().map(Vec::len).max();
    assert!(largest <= Some(4), "a batch is bounded in bytes too");
    assert_eq!(read.exchanges().len(), 40);
}

#[test]
fn the_schema_has_only_types_that_every_reader_has() {
    fn check(field: &Field) {
        match field.data_type() {
            DataType::Utf8 | DataType::Binary | DataType::Int32 | DataType::Int64 => {}
            DataType::Timestamp(unit, zone) => {
                assert_eq!(*unit, arrow::datatypes::TimeUnit::Microsecond);
                assert_eq!(zone.as_deref(), Some("UTC"));
            }
            DataType::List(item) => check(item),
            DataType::Struct(fields) => fields.iter().for_each(|field| check(field)),
            other => panic!("{} is {other}", field.name()),
        }
    }
    for schema in [
        columns::exchanges_schema(true),
        columns::capture_schema(),
        columns::divergences_schema(),
    ] {
        schema.fields().iter().for_each(|field| check(field));
    }
}
