//! Each coding whole and byte by byte: data, trailers, and where it ends or breaks.

use expect_test::expect;

use super::{Decoder, Step};
use crate::Limits;

/// What a coding decodes to, however it is cut.
fn decode(coding: &str) -> String {
    let limits = Limits {
        http_chunk_line_bytes_max: 24,
        http_trailer_bytes_max: 24,
        ..Limits::default()
    };
    let outcomes = [usize::MAX, 1, 3].map(|piece| {
        let mut decoder = Decoder::new();
        let (mut data, mut taken) = (Vec::new(), 0);
        let mut end = "goes on";
        'pieces: for piece in coding.as_bytes().chunks(piece.min(coding.len())) {
            let mut rest = piece;
            while !rest.is_empty() {
                let before = rest.len();
                let step = decoder.step(&mut rest, &limits);
                taken += before - rest.len();
                match step {
                    Step::Data(bytes) => data.extend_from_slice(bytes),
                    Step::Framing => {}
                    Step::End => end = "ends",
                    Step::Malformed => end = "breaks",
                }
                if end != "goes on" {
                    break 'pieces;
                }
            }
        }
        let (trailers, cut) = decoder.into_trailers();
        let trailers = trailers.map(|trailers| String::from_utf8_lossy(&trailers).into_owned());
        let cut = if cut { ", trailers cut" } else { "" };
        format!(
            "{:?} {end} after {taken}, {trailers:?}{cut}",
            String::from_utf8_lossy(&data)
        )
    });
    assert_eq!(outcomes[0], outcomes[1], "byte by byte: {coding:?}");
    assert_eq!(outcomes[0], outcomes[2], "by three: {coding:?}");
    format!("{coding:?}: {}\n", outcomes[0])
}

#[test]
fn codings() {
    let table: String = [
        "3\r\nabc\r\n0\r\n\r\nmore",
        "3\nabc\n0\n\n",
        "0003;a=b;c=\"d\"\r\nabc\r\n00\r\n\r\n",
        " 3 \r\nabc\r\n0\r\n\r\n",
        "a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
        "0\r\nA: b\r\n\r\n",
        "0\r\nA: bcdefghijklmnopqrstuvwxyz\r\n\r\n",
        "3\r\nabcd\r\n",
        "\r\n",
        "x\r\n",
        "-3\r\n",
        "fffffffffffffff\r\n",
        "10000000000000000\r\n",
        "0000000000000000000000000000003\r\n",
        "3;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
    ]
    .map(decode)
    .concat();
    expect![[r#"
        "3\r\nabc\r\n0\r\n\r\nmore": "abc" ends after 13, None
        "3\nabc\n0\n\n": "abc" ends after 9, None
        "0003;a=b;c=\"d\"\r\nabc\r\n00\r\n\r\n": "abc" ends after 27, None
        " 3 \r\nabc\r\n0\r\n\r\n": "abc" ends after 15, None
        "a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n": "0\r\n\r\n0\r\n\r\n" ends after 20, None
        "0\r\nA: b\r\n\r\n": "" ends after 11, Some("A: b\r\n\r\n")
        "0\r\nA: bcdefghijklmnopqrstuvwxyz\r\n\r\n": "" ends after 35, Some("A: bcdefghijklmnopqrstuv"), trailers cut
        "3\r\nabcd\r\n": "abc" breaks after 6, None
        "\r\n": "" breaks after 0, None
        "x\r\n": "" breaks after 0, None
        "-3\r\n": "" breaks after 0, None
        "fffffffffffffff\r\n": "" goes on after 17, None
        "10000000000000000\r\n": "" breaks after 16, None
        "0000000000000000000000000000003\r\n": "" breaks after 24, None
        "3;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n": "" breaks after 24, None
    "#]].assert_eq(&table);
}
