//! HTTP/2 in clear text: recognised by its preface, not parsed yet.
//!
//! A connection that starts with the preface (with prior knowledge, or after `101` to `Upgrade: h2c`) is counted under
//! [`Anomaly::Http2NotParsed`](crate::Anomaly::Http2NotParsed) and its bytes as not HTTP. The parser belongs here: frames in,
//! calls to [`Pairer`](crate::pairing::Pairer) by stream out.

/// The start line of the client's connection preface (RFC 9113 section 3.4): made so that an HTTP/1 parser sees a request.
pub(crate) const PREFACE_LINE: &[u8] = b"PRI * HTTP/2.0";
