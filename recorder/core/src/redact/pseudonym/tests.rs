use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn key() -> RedactKey {
    RedactKey::new(b"0123456789abcdef").unwrap()
}

fn other_key() -> RedactKey {
    RedactKey::new(b"0123456789abcdeg").unwrap()
}

fn pseudonym(shape: Shape, value: &str) -> String {
    key().pseudonym(shape, value.as_bytes())
}

#[test]
fn shapes_are_kept() {
    let email = pseudonym(Shape::Email, "Jane@Example.com");
    assert!(email.starts_with("p-") && email.ends_with("@pseudonym.invalid"));
    let uuid = pseudonym(Shape::Uuid, "0190F3A1-7c1b-7def-8123-0123456789ab");
    assert_eq!((uuid.len(), &uuid[14..15], &uuid[19..20]), (36, "7", "8"));
    let upper = pseudonym(Shape::Uuid, "0190F3A1-7C1B-7DEF-8123-0123456789AB");
    assert_eq!(upper, uuid.to_ascii_uppercase());
    let phone = pseudonym(Shape::Digits, "+49 (170) 123-4567");
    let signs: String = phone.chars().filter(|c| !c.is_ascii_digit()).collect();
    assert_eq!((phone.len(), signs.as_str()), (18, "+ () -"));
    let card = pseudonym(Shape::Card, "4111 1111 1111 1111");
    assert_eq!(luhn(&digits_of(&card).unwrap()), 0);
    assert!(card != "4111 1111 1111 1111" && card.len() == 19);
}

#[test]
fn what_has_not_the_shape_becomes_a_token() {
    let is_token = |text: &str| text.len() == 26 && text.starts_with("p-");
    for (shape, value) in [
        (Shape::Token, "x"),
        (Shape::Digits, "John 1"),
        (Shape::Digits, "--"),
        (Shape::Email, "jane"),
        (Shape::Email, "@example.com"),
        (Shape::Uuid, "0190f3a1"),
        (Shape::Auto, "2026-11-22"),
        (Shape::Auto, "secret"),
    ] {
        assert!(is_token(&pseudonym(shape, value)), "{shape:?} {value}");
    }
    let long = "1".repeat(DIGITS_MAX + 1);
    assert!(is_token(&pseudonym(Shape::Digits, &long)));
    assert!(is_token(&key().pseudonym(Shape::Auto, b"\xff\xfe")));
}

#[test]
fn digits_are_permuted_one_to_one() {
    for (digits, numbers) in [(1, 10), (2, 100), (3, 1_000), (4, 10_000)] {
        let all: HashSet<_> = (0..numbers)
            .map(|number| pseudonym(Shape::Digits, &format!("{number:0digits$}")))
            .collect();
        assert_eq!(all.len(), numbers);
    }
}

#[test]
fn a_key_is_known_by_its_id_only() {
    assert_eq!(RedactKey::new(b" short\n").unwrap_err(), KeyTooShort(5));
    let spaced = RedactKey::new(b"\n0123456789abcdef \n").unwrap();
    assert_eq!(spaced.id(), key().id());
    assert_ne!(other_key().id(), key().id());
    assert_eq!(format!("{:?}", key()), format!("RedactKey({})", key().id()));
}

proptest! {
    #[test]
    fn the_same_value_gets_the_same_pseudonym_and_another_key_another(value in "[ -~]{6,40}") {
        for shape in [Shape::Token, Shape::Auto] {
            let first = pseudonym(shape, &value);
            prop_assert_eq!(&first, &pseudonym(shape, &value));
            prop_assert_ne!(first, other_key().pseudonym(shape, value.as_bytes()));
        }
    }

    #[test]
    fn numbers_stay_numbers(number in any::<u64>()) {
        let text = number.to_string();
        let pseudonym = pseudonym(Shape::Digits, &text);
        prop_assert_eq!(pseudonym.len(), text.len());
        prop_assert_eq!(pseudonym.starts_with('0'), number == 0);
    }
}
