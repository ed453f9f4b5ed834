//! Runs of letters and digits: what a value that stands somewhere has in common with the text, however it is escaped there.

/// The runs of a text, parted as [`is_border`](crate::correlate::is_border) says: an escape (`%3D`, `\u003d`) parts them too.
pub(super) fn runs(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(&byte) = text.get(at) {
            if byte.is_ascii_alphanumeric() {
                let start = at;
                let is_word = |byte: &&u8| byte.is_ascii_alphanumeric();
                at += text[start..].iter().take_while(is_word).count();
                return Some(&text[start..at]);
            }
            at += escape(&text[at..]).unwrap_or(1);
        }
        None
    })
}

/// The run that tells most.
pub(super) fn longest(text: &str) -> Option<&[u8]> {
    runs(text.as_bytes()).max_by_key(|run| run.len())
}

/// Length of the escape that a text begins with.
fn escape(text: &[u8]) -> Option<usize> {
    let digits = match text {
        [b'%', rest @ ..] => rest.get(..2)?,
        [b'\\', b'u', rest @ ..] => rest.get(..4)?,
        _ => return None,
    };
    let length = if digits.len() == 2 { 3 } else { 6 };
    digits.iter().all(u8::is_ascii_hexdigit).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_part_runs_as_signs_do() {
        let told = |text: &'static str| -> Vec<&str> {
            let runs = runs(text.as_bytes());
            runs.map(|run| std::str::from_utf8(run).unwrap()).collect()
        };
        assert_eq!(told("Zq3+k/81xYb0LmQ9dA=="), ["Zq3", "k", "81xYb0LmQ9dA"]);
        assert_eq!(
            told("Zq3%2bk%2F81xYb0LmQ9dA%3D"),
            ["Zq3", "k", "81xYb0LmQ9dA"]
        );
        assert_eq!(
            told(r"Zq3\u002bk\/81xYb0LmQ9dA\u003d"),
            ["Zq3", "k", "81xYb0LmQ9dA"]
        );
        assert_eq!(told("100%zz \\u00 é %4"), ["100", "zz", "u00", "4"]);
        assert_eq!(longest("a-bcd-ef"), Some(&b"bcd"[..]));
        assert_eq!(longest("--"), None);
    }
}
