use super::*;
use crate::testing::at;

#[test]
fn rows_come_back_in_their_order() {
    let rows: Vec<Divergence> = DivergenceKind::ALL
        .iter()
        .zip([Some("1"), None, Some(""), Some("\u{fffd}"), Some("2")])
        .map(|(&kind, text)| Divergence {
            exchange: "00c0ffee00c0ffee-12".parse().unwrap(),
            recorded_start: at(5),
            method: "GET".to_owned(),
            host: text.map(str::to_owned),
            path: "/items/1".to_owned(),
            endpoint: "GET shop.example /items/*".to_owned(),
            part: "body".to_owned(),
            location: "$.items[0].price".to_owned(),
            kind,
            expected: text.map(str::to_owned),
            actual: None,
        })
        .collect();
    let file = encode_divergences(&rows, 3, &Keyring::default()).unwrap();
    assert_eq!(decode_divergences(file, &Keyring::default()).unwrap(), rows);
}

#[test]
fn none_is_a_file_too() {
    let file = encode_divergences(&[], 3, &Keyring::default()).unwrap();
    assert_eq!(decode_divergences(file, &Keyring::default()).unwrap(), []);
}
