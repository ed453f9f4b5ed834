//! Binary floats, and how near two of them are.

/// Significant digits that a binary float of 64 bits always keeps of a decimal (`DBL_DIG` of C): a number that needs more to be
/// written came out of arithmetic, and its last digits say in which order.
const EXACT_DIGITS: usize = 15;
/// Digits behind the point below which a number may be money of great amount, whose last digit is exact.
const DECIMALS_MIN: usize = 9;
/// How many floats lie between two orders of one sum, at most.
const STEPS_MAX: u64 = 16;

/// Whether `expected` is a binary float with digits beyond its precision, and `actual` a float at most 16 steps beside it.
///
/// Both are written as the shortest text that gives the float back, as nearly every runtime writes them. A decimal of arbitrary
/// precision (NUMBER has 38 digits) is no such text, and is never beside anything.
pub(crate) fn is_float_beside(expected: &str, actual: &str) -> bool {
    let (Some(a), Some(b)) = (shortest(expected), shortest(actual)) else {
        return false;
    };
    let decimals = expected
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let is_beyond = digits(expected) > EXACT_DIGITS && decimals >= DECIMALS_MIN;
    is_beyond && a.signum() == b.signum() && a.to_bits().abs_diff(b.to_bits()) <= STEPS_MAX
}

/// The float, if it is written so, without an exponent.
fn shortest(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let number: f64 = is_plain.then(|| text.parse().ok())??;
    // Some write `4.0` of what others write as `4`.
    let written = text.strip_suffix(".0").unwrap_or(text);
    (number.to_string() == written).then_some(number)
}

/// How many significant digits a number has.
fn digits(text: &str) -> usize {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    digits.skip_while(|digit| *digit == b'0').count()
}
