use proptest::prelude::*;

use super::*;
use crate::testing::{exchange, noisy, recorder, seal as segment};
use crate::{LedgerRow, decode_ledger, encode_ledger};

fn files() -> [Bytes; 2] {
    let ledger = [LedgerRow::default()];
    [
        segment((0..40).map(|number| exchange(number, number))).bytes,
        encode_ledger(&ledger, &recorder(), 0, 1, &Keyring::default())
            .unwrap()
            .bytes,
    ]
}

#[test]
fn a_file_is_intact_and_still_read() {
    for file in files() {
        assert_eq!(verify(&file).unwrap(), Integrity::Intact);
    }
    let [exchanges, ledger] = files();
    assert_eq!(crate::testing::read_all(&exchanges).len(), 40);
    assert_eq!(decode_ledger(ledger, &Keyring::default()).unwrap().len(), 1);
}

#[test]
fn a_flipped_bit_is_found_at_every_byte() {
    for file in files() {
        for place in 0..file.len() {
            let mut broken = file.to_vec();
            broken[place] ^= 1 << (place % 8);
            let found = verify(&broken.into());
            assert!(
                matches!(found, Err(Error::Damaged(_))),
                "{place}: {found:?}"
            );
        }
    }
}

#[test]
fn what_is_cut_or_longer_is_found() {
    let [file, _] = files();
    for length in (0..file.len()).step_by(7) {
        assert!(verify(&file.slice(..length)).is_err(), "{length}");
    }
    let mut longer = file.to_vec();
    longer.push(0);
    assert!(verify(&longer.into()).is_err());
}

/// A file of an earlier version has no checksum; one of this version that lost its own is damaged.
#[test]
fn only_earlier_formats_may_lack_it() {
    let [file, _] = files();
    let footer = footer_start(&file).unwrap();
    let mut bare = file.to_vec();
    bare.drain(footer - SEAL_BYTES..footer);
    let version = metadata::FORMAT_VERSION.as_bytes();
    let at = bare.windows(3).rposition(|text| text == version).unwrap();
    assert!(verify(&bare.clone().into()).is_err());
    bare[at + 2] = b'3';
    assert_eq!(verify(&bare.into()).unwrap(), Integrity::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes over any others, in a file of several pages.
    #[test]
    fn overwritten_bytes_are_found(at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        let file = segment((0..8).map(|number| noisy(number, 4_000))).bytes;
        let place = at.index(file.len());
        let mut broken = file.to_vec();
        for (byte, new) in broken[place..].iter_mut().zip(&bytes) {
            *byte = *new;
        }
        let broken = Bytes::from(broken);
        prop_assert_eq!(verify(&broken).is_ok(), broken == file);
    }
}
