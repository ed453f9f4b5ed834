//! What the parsers and the pairing tell each other of a message.

use schema::Timestamp;

/// Where a message begins in its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Capture time of the frame that carried the first byte.
    pub(crate) at: Timestamp,
    /// Offset of the first byte in its end's stream.
    pub(crate) offset: u64,
    /// How far the sender had acknowledged the other end's stream.
    pub(crate) acked: u64,
}

/// How a request's first byte was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It follows the end of another message, or opens the connection.
    Due,
    /// By searching, where the client began to send.
    Border,
    /// By searching.
    Guessed,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its last byte.
    Whole,
    /// Before its last byte: the connection ended, or its framing broke.
    Broken,
}

/// What is known of the request that a response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// HEAD: the response has no body.
    Head,
    /// CONNECT: a 2xx response starts a tunnel.
    Connect,
    /// Any other method.
    Other,
    /// The request was not seen.
    Unknown,
}

impl Asked {
    pub(crate) fn of(method: &str) -> Self {
        match method {
            "HEAD" => Self::Head,
            "CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}
