use std::slice;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;

use super::*;
use crate::testing::{exchange, options};

fn row(number: u64, missed: u64) -> Row {
    let position = Position {
        spool: 0xabc,
        generation: 7,
        row: number,
    };
    let exchange = Arc::new(exchange(number, number * 10));
    Row {
        position,
        missed,
        exchange,
    }
}

/// The stream of `batches`, read back by Arrow.
fn read(columns: &str, batches: &[Vec<Row>]) -> (SchemaRef, Vec<RecordBatch>) {
    let columns = if columns.is_empty() {
        Columns::default()
    } else {
        columns.parse().unwrap()
    };
    let mut encoder = StreamEncoder::new(&options(), columns).unwrap();
    let mut bytes = Vec::new();
    for batch in batches {
        bytes.extend(encoder.encode(batch).unwrap());
    }
    bytes.extend(encoder.finish().unwrap());
    let reader = StreamReader::try_new(&bytes[..], None).unwrap();
    (reader.schema(), reader.map(Result::unwrap).collect())
}

#[test]
fn a_stream_has_the_archives_columns_and_two_more() {
    let batches = [vec![row(0, 0), row(3, 2)], vec![], vec![row(4, 0)]];
    let (schema, read) = read("", &batches);
    let archive = columns::exchanges_schema(false);
    let count = archive.fields().len();
    assert_eq!(schema.fields()[..count], archive.fields()[..]);
    assert_eq!(schema.fields().len(), count + 2);
    assert_eq!(schema.metadata()["reprise.table"], "live");
    assert_eq!(schema.metadata()["reprise.recorder"], "recorder-1");
    assert_eq!(schema.metadata()["reprise.spool"], "spool-1");
    let rows: Vec<_> = read.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [2, 0, 1], "a batch without rows is one");
    let paths = read[0].column_by_name(columns::PATH).unwrap();
    assert_eq!(paths.as_string::<i32>().value(1), "/items/3");
    let missed = read[0].column_by_name(MISSED).unwrap();
    assert_eq!(missed.as_primitive::<Int64Type>().values()[..], [0, 2]);
    let position = read[1 + 1].column_by_name(POSITION).unwrap();
    let position = position.as_string::<i32>().value(0);
    assert_eq!(position.parse(), Ok(batches[2][0].position));
}

#[test]
fn only_what_was_asked_for_comes_in_that_order() {
    let (schema, read) = read("status,position,path,status", &[vec![row(1, 0)]]);
    let names: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["status", "path", "position", "missed"]);
    assert_eq!(read[0].num_columns(), 4);
    let error = "path,colour".parse::<Columns>().unwrap_err().to_string();
    assert!(error.starts_with("`colour` is no column of exchanges; there are exchange_id,"));
}

#[test]
fn positions_are_read_as_they_are_written() {
    for position in [
        row(5, 0).position,
        Position {
            spool: u64::MAX,
            generation: u64::MAX,
            row: 0,
        },
    ] {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
    for text in [
        "", "1", "1-2", "1-2-", "x-1-1", "1-+2-3", "1-2-3-4", "1-2--3",
    ] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
    let later = Position {
        generation: 8,
        row: 0,
        ..row(5, 0).position
    };
    assert!(later > row(9, 0).position);
}

/// What is left out is not gathered; what is asked for is the same with or without the rest.
#[test]
fn each_column_alone_is_that_of_all() {
    let batch = vec![row(1, 0), row(2, 0), row(3, 1)];
    let (schema, all) = read("", slice::from_ref(&batch));
    for field in columns::exchanges_schema(false).fields() {
        let (_, alone) = read(field.name(), slice::from_ref(&batch));
        let index = schema.index_of(field.name()).unwrap();
        assert_eq!(alone[0].column(0), all[0].column(index), "{field}");
    }
    let columns: Columns = "path,response_body_bytes".parse().unwrap();
    let none = Parts {
        headers: false,
        body: false,
    };
    assert_eq!(columns.parts(), [none; 2]);
    assert_eq!(Columns::default().parts(), [Parts::ALL; 2]);
}
