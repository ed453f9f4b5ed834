use super::*;
use crate::testing::{exchange, read_all, seal};
use crate::{Table, inspect};

fn recorder() -> RecorderId {
    "forget-1".parse().unwrap()
}

fn rewrite(erase: impl Fn(&Exchange) -> bool) -> Option<(Vec<Exchange>, Rewritten)> {
    let segment = seal((0..40).map(|number| exchange(number, number)));
    let rewritten = rewrite_segment(
        &segment.key,
        &segment.bytes,
        &Keyring::default(),
        &recorder(),
        "test",
        &erase,
    );
    let rewritten = rewritten.unwrap()?;
    let new = &rewritten.segment;
    let summary = Projection::Summary;
    let chosen = chosen_rows(&segment.bytes, &Keyring::default(), summary, &erase).unwrap();
    assert_eq!(chosen, rewritten.erased);
    let inspected = inspect(
        &Table::Exchanges,
        &new.key,
        &new.bytes,
        &Keyring::default(),
        |_| {},
    )
    .unwrap();
    assert_eq!(inspected.problems, [""; 0]);
    assert!(inspected.replaces.contains("recorder-1", 3));
    assert_eq!(new.key.recorder(), &recorder());
    Some((read_all(&new.bytes), rewritten))
}

#[test]
fn chosen_rows_go_and_the_others_stay_as_they_were() {
    let (left, rewritten) = rewrite(|exchange| exchange.index == 2).unwrap();
    let kept: Vec<_> = (0..40)
        .map(|number| exchange(number, number))
        .filter(|exchange| exchange.index != 2)
        .collect();
    assert_eq!(left, kept);
    assert_eq!(rewritten.erased.len(), 10);
}

#[test]
fn a_segment_of_which_nothing_is_left_has_no_rows() {
    let (left, rewritten) = rewrite(|_| true).unwrap();
    assert!(left.is_empty());
    assert_eq!(rewritten.erased.len(), 40);
    assert!(rewrite(|_| false).is_none());
}
