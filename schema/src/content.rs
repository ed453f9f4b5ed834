//! Undoing Content-Encoding, bounded, and doing it.
//!
//! Only what decodes without a doubt is decoded, because the caller throws the coded bytes away: bytes after the end of a
//! coding are an error, except zeros after gzip, which carry nothing and which some servers pad with. An empty body is the
//! empty text in every coding (answers to HEAD, 204, 304).

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

/// Codings of one body, one over the other, that are undone; more are a bomb.
const CODINGS_MAX: usize = 5;
/// Base-2 logarithm of the largest zstd window: 8 MiB, what RFC 9659 allows the content coding.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How much is decoded from brotli at once.
const BROTLI_BUFFER_BYTES: usize = 16 << 10;

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

/// One content coding (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Undoes the codings of a Content-Encoding value (RFC 9110 section 8.4), last applied first: gzip, x-gzip, deflate (zlib
/// or raw), br, zstd, identity. At most `limit` bytes come out, of each coding.
///
/// # Errors
/// If a coding is unknown, the bytes do not decode, or they decode to more than `limit`.
pub fn decode_content(
    content_encoding: &str,
    body: &[u8],
    limit: usize,
) -> Result<Vec<u8>, ContentError> {
    let codings = codings(content_encoding)?;
    let Some((&last, others)) = codings.split_last() else {
        return if body.len() <= limit {
            Ok(body.to_vec())
        } else {
            Err(ContentError::TooLarge)
        };
    };
    let mut decoded = decode(last, body, limit)?;
    for &coding in others.iter().rev() {
        decoded = decode(coding, &decoded, limit)?;
    }
    Ok(decoded)
}

/// Does what [`decode_content`] undoes: the same bytes give the same result.
///
/// # Errors
/// If a coding is unknown, or there are more than five.
pub fn encode_content(content_encoding: &str, body: &[u8]) -> Result<Vec<u8>, ContentError> {
    codings(content_encoding)?
        .into_iter()
        .try_fold(body.to_vec(), |body, coding| {
            encode(coding, &body).map_err(|_| ContentError::Malformed)
        })
}

fn encode(coding: Coding, body: &[u8]) -> std::io::Result<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Coding::Brotli => {
            let mut encoded = Vec::new();
            let (quality, log_window) = (5, 22);
            let mut encoder = brotli::CompressorWriter::new(
                &mut encoded,
                BROTLI_BUFFER_BYTES,
                quality,
                log_window,
            );
            encoder.write_all(body)?;
            encoder.flush()?;
            drop(encoder);
            Ok(encoded)
        }
        Coding::Zstd => zstd::encode_all(body, 0),
    }
}

/// The codings of a field value, in the order in which they were applied; `identity` is none.
fn codings(content_encoding: &str) -> Result<Vec<Coding>, ContentError> {
    let mut codings = Vec::new();
    let names = content_encoding.split(',').map(str::trim);
    for name in names.filter(|name| !name.is_empty()) {
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        let coding = if is("gzip") || is("x-gzip") {
            Coding::Gzip
        } else if is("deflate") {
            Coding::Deflate
        } else if is("br") {
            Coding::Brotli
        } else if is("zstd") {
            Coding::Zstd
        } else if is("identity") {
            continue;
        } else {
            return Err(ContentError::Unknown);
        };
        if codings.len() == CODINGS_MAX {
            return Err(ContentError::TooLarge);
        }
        codings.push(coding);
    }
    Ok(codings)
}

fn decode(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, ContentError> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    match coding {
        Coding::Gzip => gzip(body, limit),
        Coding::Deflate => deflate(body, limit),
        Coding::Brotli => brotli(body, limit),
        Coding::Zstd => zstd(body, limit),
    }
}

/// One member after the other (RFC 1952 section 2.2).
fn gzip(body: &[u8], limit: usize) -> Result<Vec<u8>, ContentError> {
    let mut decoded = room(body, limit);
    let mut rest = body;
    while rest.iter().any(|&byte| byte != 0) {
        let mut member = GzDecoder::new(rest);
        read_bounded(&mut member, &mut decoded, limit)?;
        rest = member.into_inner();
    }
    // Zeros alone are no gzip.
    if body[0] == 0 {
        return Err(ContentError::Malformed);
    }
    Ok(decoded)
}

/// zlib (RFC 1950), as the coding is defined, or the raw stream (RFC 1951) that some servers send.
fn deflate(body: &[u8], limit: usize) -> Result<Vec<u8>, ContentError> {
    let whole = |rest: &[u8], decoded: Vec<u8>| {
        if rest.is_empty() {
            Ok(decoded)
        } else {
            Err(ContentError::Malformed)
        }
    };
    let mut decoded = room(body, limit);
    let mut zlib = ZlibDecoder::new(body);
    match read_bounded(&mut zlib, &mut decoded, limit) {
        Ok(()) => return whole(zlib.into_inner(), decoded),
        Err(ContentError::TooLarge) => return Err(ContentError::TooLarge),
        Err(_) => decoded.clear(),
    }
    let mut raw = DeflateDecoder::new(body);
    read_bounded(&mut raw, &mut decoded, limit)?;
    whole(raw.into_inner(), decoded)
}

fn brotli(body: &[u8], limit: usize) -> Result<Vec<u8>, ContentError> {
    // The crate's reader does not tell how much of its input it used, so the stream is driven by hand.
    let alloc = brotli::enc::StandardAlloc::default;
    let mut state = brotli::BrotliState::new(alloc(), alloc(), alloc());
    let mut decoded = Vec::new();
    let mut buffer = vec![0; BROTLI_BUFFER_BYTES];
    let (mut left, mut read, mut total) = (body.len(), 0, 0);
    loop {
        let (mut room, mut written) = (buffer.len(), 0);
        let result = brotli::BrotliDecompressStream(
            &mut left,
            &mut read,
            body,
            &mut room,
            &mut written,
            &mut buffer,
            &mut total,
            &mut state,
        );
        if decoded.len() + written > limit {
            return Err(ContentError::TooLarge);
        }
        decoded.extend_from_slice(&buffer[..written]);
        match result {
            brotli::BrotliResult::NeedsMoreOutput => {}
            brotli::BrotliResult::ResultSuccess if left == 0 => return Ok(decoded),
            _ => return Err(ContentError::Malformed),
        }
    }
}

/// One frame after the other (RFC 8878 section 3).
fn zstd(body: &[u8], limit: usize) -> Result<Vec<u8>, ContentError> {
    let mut decoded = room(body, limit);
    let malformed = |_| ContentError::Malformed;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(malformed)?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(malformed)?;
    read_bounded(&mut decoder, &mut decoded, limit)?;
    Ok(decoded)
}

/// Where a body is decoded to: room for a usual ratio, but for no more than the limit.
fn room(body: &[u8], limit: usize) -> Vec<u8> {
    Vec::with_capacity(body.len().saturating_mul(4).min(limit))
}

/// Reads to the end, or until `into` holds more than `limit` bytes.
fn read_bounded(
    from: &mut impl Read,
    into: &mut Vec<u8>,
    limit: usize,
) -> Result<(), ContentError> {
    let left = (limit - into.len()) as u64;
    let read = from.take(left.saturating_add(1)).read_to_end(into);
    if into.len() > limit {
        return Err(ContentError::TooLarge);
    }
    read.map(|_| ()).map_err(|_| ContentError::Malformed)
}

#[cfg(test)]
mod tests;
