//! What a head's fields say about where its message ends and what follows.

/// What `Content-Length` says (RFC 9112 section 6.3, rules 5 and 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ContentLength {
    /// Not there.
    #[default]
    Absent,
    /// One value, be it repeated.
    Bytes(u64),
    /// No number, too large a one, or different ones; the first one that was valid.
    Invalid(Option<u64>),
}

/// What `Transfer-Encoding` says (RFC 9112 section 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Not there, or only `identity`.
    #[default]
    Absent,
    /// The last coding is chunked.
    Chunked,
    /// The last coding is another one, or chunked is not the last.
    Other,
}

/// The fields that decide about framing and connection, collected in one pass over a head.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) content_length: ContentLength,
    pub(crate) transfer: Transfer,
    /// Transfer codings other than chunked, in order, joined by commas.
    pub(crate) transfer_codings: Option<String>,
    /// `Expect: 100-continue`.
    pub(crate) expects_continue: bool,
    /// `Upgrade` names WebSocket.
    pub(crate) websocket: bool,
    /// `Upgrade` names HTTP/2 in clear text.
    pub(crate) h2c: bool,
    /// A field above was written in a way that recipients read differently.
    pub(crate) doubtful: bool,
}

impl Fields {
    /// Takes note of a field if it matters here.
    pub(crate) fn note(&mut self, name: &str, value: &[u8]) {
        match name.len() {
            6 if name.eq_ignore_ascii_case("expect") => {
                self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            7 if name.eq_ignore_ascii_case("upgrade") => {
                self.websocket |=
                    elements(value).any(|word| word.eq_ignore_ascii_case(b"websocket"));
                self.h2c |= elements(value).any(|word| word.eq_ignore_ascii_case(b"h2c"));
            }
            14 if name.eq_ignore_ascii_case("content-length") => self.note_length(value),
            17 if name.eq_ignore_ascii_case("transfer-encoding") => self.note_transfer(value),
            _ => {}
        }
    }

    /// A list of identical values counts as the value (RFC 9112 section 6.3, rule 5).
    fn note_length(&mut self, value: &[u8]) {
        for element in value.split(|&byte| byte == b',') {
            let length = decimal(element.trim_ascii());
            self.content_length = match (self.content_length, length) {
                (ContentLength::Absent, Some(length)) => ContentLength::Bytes(length),
                (ContentLength::Bytes(before), Some(length)) if before == length => continue,
                (ContentLength::Absent, None) => ContentLength::Invalid(None),
                (ContentLength::Bytes(first), _) => ContentLength::Invalid(Some(first)),
                (ContentLength::Invalid(first), length) => ContentLength::Invalid(first.or(length)),
            };
        }
    }

    fn note_transfer(&mut self, value: &[u8]) {
        for coding in elements(value) {
            if coding.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            // Chunked twice, or before another coding, is no framing that RFC 9112 section 6.1 allows.
            let chunked =
                coding.eq_ignore_ascii_case(b"chunked") && self.transfer != Transfer::Chunked;
            self.transfer = if chunked {
                Transfer::Chunked
            } else {
                Transfer::Other
            };
            if !chunked {
                let codings = self.transfer_codings.get_or_insert_default();
                if !codings.is_empty() {
                    codings.push_str(", ");
                }
                codings.push_str(&super::latin1(coding));
            }
        }
    }
}

/// The elements of a list (RFC 9110 section 5.6.1) without parameters, empty ones left out.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .filter_map(|element| element.split(|&byte| byte == b';').next())
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// A number of digits only that fits 64 bits.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = char::from(digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
