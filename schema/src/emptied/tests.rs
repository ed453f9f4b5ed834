use super::*;
use crate::testing::{exchange, read_all, seal};
use crate::{Projection, TimeWindow, decode_segment};

#[test]
fn what_is_left_has_the_name_and_no_rows() {
    let segment = seal((0..10).map(|number| exchange(number, number)));
    let emptied = empty_segment(&segment.bytes, &Keyring::default()).unwrap();
    assert!(read_all(&emptied).is_empty());
    assert!(emptied.len() < segment.bytes.len());

    let metadata = footer::of_file(&emptied, &Keyring::default()).unwrap();
    let pairs = metadata.file_metadata().key_value_metadata();
    let value = |key| metadata::get(pairs.map(Vec::as_slice), key).unwrap();
    assert_eq!(value(metadata::SHED), "10");
    assert_eq!(value(metadata::SEQUENCE), "3");
    assert_eq!(value(metadata::RECORDER), "recorder-1");
    assert_eq!(value(metadata::SPOOL), "spool-1");
}

#[test]
fn a_file_in_memory_is_decoded_whole() {
    let exchanges: Vec<_> = (0..10).map(|number| exchange(number, number)).collect();
    let segment = seal(exchanges.clone());
    let mut decoded = Vec::new();
    decode_segment(
        &segment.bytes,
        &Keyring::default(),
        TimeWindow::ALL,
        Projection::All,
        |one| {
            decoded.push(one);
        },
    )
    .unwrap();
    assert_eq!(decoded, exchanges);
}

#[test]
fn damage_is_an_error() {
    let segment = seal([exchange(0, 0)]);
    let cut = segment.bytes.slice(..segment.bytes.len() - 1);
    assert!(matches!(
        empty_segment(&cut, &Keyring::default()),
        Err(Error::Damaged(_))
    ));
}
