use super::*;
use crate::testing::at;

#[test]
fn rows_come_back_in_their_order() {
    let texts = [Some("1"), None, Some(""), Some("\u{fffd}"), None, Some("x")];
    let rows: Vec<Finding> = Blame::ALL
        .iter()
        .zip(texts)
        .zip(DivergenceKind::ALL.iter().cycle())
        .map(|((&blame, text), &kind)| Finding {
            exchange: "00c0ffee00c0ffee-12".parse().unwrap(),
            recorded_start: at(5),
            method: "GET".to_owned(),
            host: text.map(str::to_owned),
            path: "/items/1".to_owned(),
            endpoint: "GET shop.example /items/{id}".to_owned(),
            part: "body".to_owned(),
            location: "$.items[0].price".to_owned(),
            kind,
            blame,
            reason: text.map(str::to_owned),
            cause: "another number".to_owned(),
            group: "00c0ffee00c0ffee".to_owned(),
            expected: text.map(str::to_owned),
            actual: None,
        })
        .collect();
    let file = encode_findings(&rows, 3, &Keyring::default()).unwrap();
    assert_eq!(decode_findings(file, &Keyring::default()).unwrap(), rows);
}
