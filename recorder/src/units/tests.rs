use super::*;

#[test]
fn sizes_are_read_with_their_units() {
    let cases = [
        ("0", Some(0)),
        ("512", Some(512)),
        ("16MiB", Some(16 << 20)),
        ("16mib", Some(16 << 20)),
        ("16 MiB", Some(16 << 20)),
        ("1.5KiB", Some(1_536)),
        ("2MB", Some(2_000_000)),
        ("1g", Some(1 << 30)),
        ("1TiB", Some(1 << 40)),
        ("", None),
        ("MiB", None),
        ("16MiBs", None),
        ("-1", None),
        ("1.2.3k", None),
        ("99999999999999999999", None),
        ("18446744073709551615k", None),
    ];
    for (text, expected) in cases {
        let got = text.parse::<ByteSize>().ok().map(|size| size.0);
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn spans_need_a_unit() {
    let cases = [
        ("250ms", Some(250)),
        ("90s", Some(90_000)),
        ("5m", Some(300_000)),
        ("1.5h", Some(5_400_000)),
        ("7d", Some(604_800_000)),
        ("2w", Some(1_209_600_000)),
        ("5", None),
        ("m", None),
        ("5M", None),
    ];
    for (text, expected) in cases {
        let got = parse_span(text).ok().map(|span| span.as_millis());
        assert_eq!(got, expected, "{text}");
    }
    let error = parse_span("5 fortnights").unwrap_err().to_string();
    assert!(error.contains("such as 90s"), "{error}");
}

#[test]
fn printed_for_people() {
    let sizes = [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_024, "1.00 KiB"),
        (1_536, "1.50 KiB"),
        (32 << 20, "32.0 MiB"),
        (1_023 << 20, "1.00 GiB"),
        (7 << 40, "7.00 TiB"),
    ];
    for (bytes, expected) in sizes {
        assert_eq!(ByteSize(bytes).to_string(), expected);
    }
    let spans = [
        (420, "0.42 s"),
        (12_340, "12.3 s"),
        (245_000, "4 min 05 s"),
        (7_500_000, "2 h 05 min"),
        (273_600_000, "3 d 04 h"),
    ];
    for (millis, expected) in spans {
        assert_eq!(span(Duration::from_millis(millis)), expected);
    }
    for (value, expected) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (1_234_567, "1,234,567"),
    ] {
        assert_eq!(count(value), expected);
    }
}
