use super::*;
use crate::testing::exchange;

#[test]
fn a_row_whose_heads_differ_becomes_latin1_and_keeps_its_bytes() {
    let mut mixed = exchange(0, 0);
    let request = mixed.request.as_mut().unwrap();
    request.path = "/caf\u{e9}".to_owned();
    request.headers.push("X-Name", "J\u{fc}rgen \u{20ac}");
    let before = mixed.clone();

    mixed.make_latin1();
    assert_eq!(mixed.charset, Charset::Latin1);
    let (request, original) = (
        mixed.request.as_ref().unwrap(),
        before.request.as_ref().unwrap(),
    );
    assert_eq!(request.path, "/caf\u{c3}\u{a9}");
    assert_eq!(
        Charset::Latin1.to_wire(&request.path),
        original.path.as_bytes()
    );
    for ((name, value), (original_name, original_value)) in
        request.headers.iter().zip(original.headers.iter())
    {
        assert_eq!(name, original_name);
        assert_eq!(Charset::Latin1.to_wire(value), original_value.as_bytes());
    }
    assert_eq!(mixed.response, before.response, "ASCII is the same in both");

    let once = mixed.clone();
    mixed.make_latin1();
    assert_eq!(mixed, once, "twice is once");
}

#[test]
fn words_are_read_as_they_are_written() {
    for &word in Completeness::ALL {
        assert_eq!(word.as_str().parse(), Ok(word));
    }
    assert_eq!(
        "whole".parse::<Completeness>().unwrap_err().to_string(),
        "`whole` is not a completeness such as complete or response_gap"
    );
}
