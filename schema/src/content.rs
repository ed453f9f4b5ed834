//! Undoing Content-Encoding, bounded.
/// Why a body was left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The coding is none that we know.
    #[error("unknown content coding")]
    Unknown,
    /// The bytes are not of the coding.
    #[error("body does not decode")]
    Malformed,
    /// It would decode to more than the limit.
    #[error("body decodes to more than the limit")]
    TooLarge,
}

/// Undoes the codings of a Content-Encoding value (RFC 9110 section 8.4), last applied first: gzip, x-gzip, deflate (zlib
/// or raw), br, zstd, identity. At most `limit` bytes come out.
///
/// # Errors
/// If a coding is unknown, the bytes do not decode, or they decode to more than `limit`.
pub fn decode_content(
    _content_encoding: &str,
    _body: &[u8],
    _limit: usize,
) -> Result<Vec<u8>, ContentError> {
    todo!()
}
