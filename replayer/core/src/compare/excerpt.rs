//! What a divergence shows of its two sides: short text that contains the first byte that differs.

/// Bytes shown before the first difference where the beginning must be left out.
const BEFORE: usize = 40;

/// Both sides cut to about `max` bytes each, around where they first differ. An ellipsis stands for what is left out.
pub(crate) fn pair(expected: &str, actual: &str, max: usize) -> (String, String) {
    if expected.len() <= max && actual.len() <= max {
        return (expected.to_owned(), actual.to_owned());
    }
    let start = first_difference(expected.as_bytes(), actual.as_bytes()).saturating_sub(BEFORE);
    (cut(expected, start, max), cut(actual, start, max))
}

/// As [`pair`], for bytes: as text if both sides are UTF-8, else as hexadecimal digits.
pub(super) fn pair_of_bytes(expected: &[u8], actual: &[u8], max: usize) -> (String, String) {
    if let (Ok(expected), Ok(actual)) = (std::str::from_utf8(expected), std::str::from_utf8(actual))
    {
        return pair(expected, actual, max);
    }
    let start = first_difference(expected, actual).saturating_sub(BEFORE / 4);
    (hex(expected, start, max), hex(actual, start, max))
}

/// Where two byte strings first differ; the shorter one's length if it begins the other.
pub(crate) fn first_difference(a: &[u8], b: &[u8]) -> usize {
    /// Compared at once: the compiler turns equality of short fixed blocks into vector instructions.
    const BLOCK: usize = 64;
    let blocks = a
        .chunks_exact(BLOCK)
        .zip(b.chunks_exact(BLOCK))
        .take_while(|(a, b)| a == b)
        .count()
        * BLOCK;
    blocks
        + a[blocks..]
            .iter()
            .zip(&b[blocks..])
            .take_while(|(a, b)| a == b)
            .count()
}

/// The text cut to `max` bytes from its beginning.
pub(crate) fn beginning(text: &str, max: usize) -> String {
    cut(text, 0, max)
}

/// Whether an excerpt may lack the end of what it is of. A text that itself ends like a cut one counts as cut.
pub(crate) fn is_cut(excerpt: &str) -> bool {
    excerpt.ends_with('…')
}

fn cut(text: &str, start: usize, max: usize) -> String {
    let start = text.floor_char_boundary(start);
    let end = text.floor_char_boundary(start.saturating_add(max));
    let before = if start > 0 { "…" } else { "" };
    let after = if end < text.len() { "…" } else { "" };
    format!("{before}{}{after}", &text[start..end])
}

fn hex(bytes: &[u8], start: usize, max: usize) -> String {
    use std::fmt::Write as _;
    let start = start.min(bytes.len());
    let shown = &bytes[start..bytes.len().min(start + max / 3)];
    let mut text = String::with_capacity(shown.len() * 3 + 8);
    if start > 0 {
        text.push('…');
    }
    for (index, byte) in shown.iter().enumerate() {
        let space = if index == 0 { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{space}{byte:02x}");
    }
    if start + shown.len() < bytes.len() {
        text.push('…');
    }
    text
}
