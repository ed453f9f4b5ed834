use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

use super::*;
use crate::testing::{HOUR, at, exchange, noisy, options, read_all, seal};
use crate::{ExchangeVerdict, InDoubt, Outcome, Replay};

fn footer(file: &Bytes) -> ParquetMetaData {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    builder.metadata().as_ref().clone()
}

fn value(file: &Bytes, key: &str) -> Option<String> {
    let footer = footer(file);
    let pairs = footer.file_metadata().key_value_metadata();
    metadata::get(pairs.map(Vec::as_slice), key).map(str::to_owned)
}

#[test]
fn a_segment_without_rows_is_none() {
    let builder = SegmentBuilder::new(options());
    assert_eq!(
        (builder.rows(), builder.bytes(), builder.start()),
        (0, 0, None)
    );
    assert!(builder.seal(0).unwrap().is_none());
}

#[test]
fn the_key_and_the_footer_say_what_is_inside() {
    let mut builder = SegmentBuilder::new(SegmentOptions {
        sampling: Some("0.1 by client-ip".to_owned()),
        ..options()
    });
    for micros in [30, 10, 20] {
        builder.push(exchange(micros, micros)).unwrap();
    }
    assert_eq!((builder.rows(), builder.start()), (3, Some(at(10))));
    let segment = builder.seal(12).unwrap().unwrap();
    assert_eq!(
        segment.key.to_string(),
        "date=2026-11-22/hour=13/1795352400000010-1795352400000030-recorder-1-00000012.parquet"
    );
    assert_eq!(segment.rows, 3);
    let batches = format!("[[3,{},{}]]", HOUR + 10, HOUR + 30);
    let expected = [
        ("reprise.format", Some("1.6")),
        ("reprise.table", Some("exchanges")),
        ("reprise.recorder", Some("recorder-1")),
        ("reprise.writer", Some("test 1")),
        ("reprise.sequence", Some("12")),
        ("reprise.spool", Some("spool-1")),
        ("reprise.sampling", Some("0.1 by client-ip")),
        ("reprise.redaction", None),
        (
            "reprise.order",
            Some("method,host,path_shape,request_start,exchange_id"),
        ),
        ("reprise.batches", Some(batches.as_str())),
    ];
    for (key, expected) in expected {
        assert_eq!(value(&segment.bytes, key).as_deref(), expected, "{key}");
    }
}

#[test]
fn batches_follow_one_another_and_a_late_row_is_given_back() {
    let mut builder = SegmentBuilder::new(options());
    for number in 0..40_000 {
        let pushed = builder.push(exchange(number, 1_000 + number)).unwrap();
        assert!(matches!(pushed, Pushed::Stored));
    }
    // A batch and more is held, so what started thousands of rows ago still finds its place.
    let pushed = builder
        .push(exchange(50_000, 1_000 + 40_000 - 4_000))
        .unwrap();
    assert!(matches!(pushed, Pushed::Stored));
    let Pushed::Late(late) = builder.push(exchange(50_001, 500)).unwrap() else {
        panic!("the row starts before what is encoded");
    };
    assert_eq!(late.start(), at(500));
    assert_eq!(builder.rows(), 40_001);
    assert_eq!(
        builder.start(),
        Some(at(1_000)),
        "a late row is not of this segment"
    );

    let segment = builder.seal(0).unwrap().unwrap();
    let spans: Vec<BatchSpan> =
        serde_json::from_str(&value(&segment.bytes, "reprise.batches").unwrap()).unwrap();
    assert!(spans.iter().all(|span| span.0 <= 8_192 && span.1 <= span.2));
    assert!(spans.windows(2).all(|pair| pair[0].2 <= pair[1].1));
    assert_eq!(spans.iter().map(|span| span.0).sum::<u64>(), 40_001);
    assert_eq!(read_all(&segment.bytes).len(), 40_001);
}

#[test]
fn rows_of_a_batch_are_grouped_by_endpoint() {
    let mut builder = SegmentBuilder::new(options());
    let paths = ["/items/1", "/about", "/items/22", "/about", "/items/3"];
    for (micros, path) in (0_u64..).zip(paths) {
        let mut exchange = exchange(micros, micros);
        path.clone_into(&mut exchange.request.as_mut().unwrap().path);
        builder.push(exchange).unwrap();
    }
    let segment = builder.seal(0).unwrap().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(segment.bytes).unwrap();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let column = batch.column_by_name("path").unwrap();
    let stored: &arrow::array::StringArray = column.as_any().downcast_ref().unwrap();
    let stored: Vec<_> = stored.iter().flatten().collect();
    assert_eq!(
        stored,
        ["/about", "/about", "/items/1", "/items/22", "/items/3"]
    );
}

#[test]
fn the_size_is_known_before_the_end() {
    let mut builder = SegmentBuilder::new(options());
    for number in 0..20_000 {
        builder.push(noisy(number, 640)).unwrap();
    }
    let estimate = builder.bytes();
    let real = builder.seal(0).unwrap().unwrap().bytes.len();
    assert!(
        (real * 9 / 10..real * 13 / 10).contains(&estimate),
        "{estimate} estimated, {real} real"
    );
}

#[test]
fn row_groups_are_bounded_in_raw_bytes() {
    let mut builder = SegmentBuilder::new(options());
    for number in 0..100 {
        let mut exchange = exchange(number, number);
        exchange.response.as_mut().unwrap().body.bytes = vec![b'x'; 2 << 20].into();
        builder.push(exchange).unwrap();
    }
    let segment = builder.seal(0).unwrap().unwrap();
    let groups = footer(&segment.bytes).num_row_groups();
    assert!((3..=4).contains(&groups), "{groups} row groups for 200 MiB");
}

/// Exchanges with bodies of noise, of which there are `distinct` different ones.
fn repeating(distinct: u64) -> SealedSegment {
    seal((0..4_000).map(|number| {
        let mut repeated = exchange(number, number);
        let noise = noisy(number % distinct, 3_000).response.unwrap().body;
        repeated.response.as_mut().unwrap().body = noise;
        repeated
    }))
}

/// Whether a row group of `file` keeps distinct answers in a dictionary.
fn has_body_dictionary(file: &Bytes) -> bool {
    let footer = footer(file);
    let columns = footer.row_groups().iter().flat_map(|group| group.columns());
    columns
        .filter(|column| column.column_path().string() == "response_body")
        .any(|column| column.dictionary_page_offset().is_some())
}

#[test]
fn bodies_that_come_again_are_kept_once() {
    let (repeated, once) = (repeating(200), repeating(4_000));
    assert!(has_body_dictionary(&repeated.bytes) && !has_body_dictionary(&once.bytes));
    let (repeated, once) = (repeated.bytes.len(), once.bytes.len());
    assert!(repeated * 10 < once, "{repeated} and {once} bytes");
}

#[test]
#[should_panic(expected = "a segment lies within one hour")]
fn another_hour_is_another_segment() {
    let mut builder = SegmentBuilder::new(options());
    builder.push(exchange(0, 0)).unwrap();
    let _ = builder.push(exchange(1, 3_600_000_000));
}

#[test]
fn the_columns_of_a_run_go_with_a_run() {
    let replay = Replay {
        recorded_start: at(1),
        due: at(2),
        lag_us: -3,
        order_wait_us: 4,
        outcome: Outcome::Failed,
        outcome_reason: Some("connection refused".to_owned()),
        verdict: ExchangeVerdict::Incomparable,
        verdict_reason: Some("no answer".to_owned()),
        divergences: 5,
        pass: 6,
        in_doubt: Some(InDoubt::SentAgain),
    };
    let mut replayed = exchange(0, 0);
    replayed.replay = Some(Box::new(replay));

    let run = SegmentOptions {
        replayed: true,
        ..options()
    };
    let mut builder = SegmentBuilder::new(run.clone());
    builder.push(replayed.clone()).unwrap();
    let segment = builder.seal(0).unwrap().unwrap();
    assert_eq!(read_all(&segment.bytes), [replayed.clone()]);

    for (options, exchange) in [(options(), replayed), (run, exchange(0, 0))] {
        let mut builder = SegmentBuilder::new(options);
        let error = builder.push(exchange).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot encode exchange 0000000000c0ffee-0: it is of a run and the segment is not, or the other way round"
        );
    }
}
