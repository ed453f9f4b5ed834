//! The examples of RFC 7541 appendix C, what no encoder writes, and pasts that were not seen.

use expect_test::{Expect, expect};

use super::{Block, Bounds, Decoder, Malformed};

const BOUNDS: Bounds = Bounds {
    table_bytes_max: 4_096,
    list_bytes_max: 1_000,
    fields_max: 20,
};

/// Bytes of hexadecimal digits, blanks between them left out.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// A line for each field, `?` for what is unknown.
fn render(block: &Block) -> String {
    let text = |part: Option<&[u8]>| {
        part.map_or_else(
            || "?".to_owned(),
            |part| String::from_utf8_lossy(part).into_owned(),
        )
    };
    block
        .iter()
        .map(|field| format!("{}: {}\n", text(field.name), text(field.value)))
        .collect()
}

/// Reads one block after the other and compares them with the expected fields, and the table's size after each.
fn check(decoder: &mut Decoder, blocks: &[&str], expected: Expect) {
    let mut text = String::new();
    for block in blocks {
        match decoder.decode(&hex(block), BOUNDS) {
            Ok(block) => text.push_str(&render(&block)),
            Err(Malformed) => text.push_str("malformed\n"),
        }
        text.push_str(&format!("= {}\n", decoder.table_bytes()));
    }
    expected.assert_eq(&text);
}

/// A decoder whose peer has made the table that small, as the examples of C.5 and C.6 assume.
fn small() -> Decoder {
    let mut decoder = Decoder::new(true);
    decoder.decode(&[0x3f, 0xe1, 0x01], BOUNDS).unwrap();
    decoder
}

/// C.2: each representation by itself.
#[test]
fn representations() {
    for (block, expected) in [
        (
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            expect![[r#"
                custom-key: custom-header
                = 55
            "#]],
        ),
        (
            "040c 2f73 616d 706c 652f 7061 7468",
            expect![[r#"
                :path: /sample/path
                = 0
            "#]],
        ),
        (
            "1008 7061 7373 776f 7264 0673 6563 7265 74",
            expect![[r#"
                password: secret
                = 0
            "#]],
        ),
        (
            "82",
            expect![[r#"
                :method: GET
                = 0
            "#]],
        ),
    ] {
        check(&mut Decoder::new(true), &[block], expected);
    }
}

/// C.3 and C.4: requests, without and with Huffman code.
#[test]
fn requests() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let coded = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, coded] {
        check(
            &mut Decoder::new(true),
            &blocks,
            expect![[r#"
                :method: GET
                :scheme: http
                :path: /
                :authority: www.example.com
                = 57
                :method: GET
                :scheme: http
                :path: /
                :authority: www.example.com
                cache-control: no-cache
                = 110
                :method: GET
                :scheme: https
                :path: /index.html
                :authority: www.example.com
                custom-key: custom-value
                = 164
            "#]],
        );
    }
}

/// C.5 and C.6: responses with evictions, without and with Huffman code.
#[test]
fn responses() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 \
         474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 \
         666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 \
         3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    let coded = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 \
         63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 \
         b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    for blocks in [plain, coded] {
        check(
            &mut small(),
            &blocks,
            expect![[r#"
                :status: 302
                cache-control: private
                date: Mon, 21 Oct 2013 20:13:21 GMT
                location: https://www.example.com
                = 222
                :status: 307
                cache-control: private
                date: Mon, 21 Oct 2013 20:13:21 GMT
                location: https://www.example.com
                = 222
                :status: 200
                cache-control: private
                date: Mon, 21 Oct 2013 20:13:22 GMT
                location: https://www.example.com
                content-encoding: gzip
                set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1
                = 215
            "#]],
        );
    }
}

/// C.1: the integers of the examples, as sizes of the table.
#[test]
fn integers() {
    for (coded, value) in [
        ("2a", Some(10)),
        ("3f 9a0a", Some(1_337)),
        ("3f 00", Some(31)),
        ("3f 8080 8080 00", Some(31)),
        ("3f ffff ffff 0f", None),
        ("3f e0ff ffff 0f", Some(u32::MAX)),
        ("3f 8080 8080 8000", None),
        ("3f 80", None),
    ] {
        let coded = hex(coded);
        let mut input = &coded[..];
        assert_eq!(super::integer(&mut input, 5), value, "{coded:x?}");
    }
}

/// Every symbol's code, alone and at every bit of a byte.
#[test]
fn every_symbol() {
    for first in 0..=255_u8 {
        for second in [b'0', first, 0xff] {
            let text = [first, second];
            let (mut bits, mut count) = (0_u64, 0);
            for &byte in &text {
                let (code, length) = super::huffman::code(byte);
                bits = bits << length | u64::from(code);
                count += length;
            }
            let padding = (8 - count % 8) % 8;
            let bits = bits << padding | ((1 << padding) - 1);
            let bytes = bits.to_be_bytes();
            let coded = &bytes[8 - usize::try_from((count + padding) / 8).unwrap()..];
            let mut decoded = Vec::new();
            assert_eq!(super::huffman::decode(coded, &mut decoded), Some(()));
            assert_eq!(decoded, text);
        }
    }
}

#[test]
fn what_no_encoder_writes() {
    for (block, why) in [
        ("80", "index 0"),
        ("be", "an empty table's first entry"),
        ("7f ff", "half an integer"),
        ("40 05 61", "a string that is cut"),
        ("40 81 ff 00", "a whole byte of padding"),
        ("40 81 00 00", "padding of zeros"),
        ("40 84 ffff fffc 00", "the end as a symbol"),
        ("41", "a value that is missing"),
    ] {
        let mut decoder = Decoder::new(true);
        assert!(decoder.decode(&hex(block), BOUNDS).is_err(), "{why}");
        // Whatever its sender means by it, from here on its references are unknown.
        let block = decoder.decode(&[0xbe], BOUNDS).unwrap();
        assert_eq!(render(&block), "?: ?\n", "{why}");
    }
}

/// Joined midway: references to the past are unknown; what is inserted from then on is known, at the right index.
#[test]
fn a_past_that_was_not_seen() {
    check(
        &mut Decoder::new(false),
        &[
            // 62 is unknown; then `a: b` becomes 62, and what was 62 becomes 63.
            "be 4001 6101 62 be bf",
            // A name from the past: the value is known, and known again by its index.
            "7f 0201 63 be bf c0",
        ],
        expect![[r#"
            ?: ?
            a: b
            a: b
            ?: ?
            = 34
            ?: c
            ?: c
            a: b
            ?: ?
            = 67
        "#]],
    );
}

/// After a loss, what was known is forgotten, whatever its index would be now.
#[test]
fn a_loss() {
    let mut decoder = Decoder::new(true);
    check(
        &mut decoder,
        &["4001 6101 62 be"],
        expect![[r#"
            a: b
            a: b
            = 34
        "#]],
    );
    decoder.forget();
    check(
        &mut decoder,
        &["be 4001 6301 64 be bf"],
        expect![[r#"
            ?: ?
            c: d
            c: d
            ?: ?
            = 34
        "#]],
    );
}

/// A sender may keep more than is kept here: what leaves early is unknown, not wrong.
#[test]
fn a_table_that_is_larger_than_the_bound() {
    let bounds = Bounds {
        table_bytes_max: 70,
        ..BOUNDS
    };
    let mut decoder = Decoder::new(true);
    let block = decoder
        .decode(
            &hex("3f e11f 4001 6101 62 4001 6301 64 4001 6501 66 be bf c0"),
            bounds,
        )
        .unwrap();
    assert!(block.table_cut);
    assert_eq!(render(&block), "a: b\nc: d\ne: f\ne: f\nc: d\n?: ?\n");
    assert_eq!(decoder.table_bytes(), 68);
}

/// A few bytes that stand for many: what is beyond the bounds is left out, and the table is right all the same.
#[test]
fn more_than_the_bounds() {
    let mut decoder = Decoder::new(true);
    let long = "61".repeat(100);
    let block = [
        hex(&format!("4001 6264 {long}")),
        vec![0xbe; 50],
        hex("4001 6301 64"),
    ]
    .concat();
    let block = decoder.decode(&block, BOUNDS).unwrap();
    assert_eq!((block.len(), block.left_out), (10, 42));
    assert_eq!(render(&decoder.decode(&[0xbe], BOUNDS).unwrap()), "c: d\n");
    let block = decoder.decode(&[0x82; 30], BOUNDS).unwrap();
    assert_eq!((block.len(), block.left_out), (20, 10));
}
