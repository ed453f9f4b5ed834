use std::time::Duration;

use super::{Rate, Size, Span, Speed};

#[test]
fn values_with_units_are_read() {
    let spans = [
        ("250ms", 0.25),
        ("90s", 90.0),
        ("1.5m", 90.0),
        ("12h", 43_200.0),
        ("7d", 604_800.0),
        ("2w", 1_209_600.0),
    ];
    for (text, seconds) in spans {
        assert_eq!(
            text.parse(),
            Ok(Span(Duration::from_secs_f64(seconds))),
            "{text}"
        );
    }
    for (text, bytes) in [
        ("0", 0),
        ("512", 512),
        ("64kB", 64_000),
        ("16MiB", 16 << 20),
        ("1 GiB", 1 << 30),
    ] {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
    }
    for (text, rate) in [
        ("500/s", 500.0),
        ("500", 500.0),
        ("30/m", 0.5),
        ("0.1/s", 0.1),
    ] {
        assert_eq!(text.parse(), Ok(Rate(rate)), "{text}");
    }
    for (text, speed) in [
        ("1", Speed::Factor(1.0)),
        ("10x", Speed::Factor(10.0)),
        ("0.5", Speed::Factor(0.5)),
        ("max", Speed::Max),
    ] {
        assert_eq!(text.parse(), Ok(speed), "{text}");
    }
}

/// Proxy Verifier reads its rate with atoi: no fractions, and rubbish is 0, which is no limit. Ours are errors.
#[test]
fn what_has_no_meaning_is_refused() {
    for text in ["", "s", "7", "7 days", "-1s", "0s", "1e400s", "NaNs", "inf"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
    for text in ["", "MiB", "1TB", "-1", "99999999999GiB"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
    for text in ["", "0/s", "/s", "x", "5/d", "-5/s", "1e12"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
    for text in ["", "0", "fast", "-1", "x"] {
        assert!(text.parse::<Speed>().is_err(), "{text}");
    }
}
