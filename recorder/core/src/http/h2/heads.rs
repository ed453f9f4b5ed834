//! From a header block to a message's head: pseudo-header fields become what a start line says (RFC 9113 section 8.3).
//!
//! | field | becomes |
//! |---|---|
//! | `:method` | the method |
//! | `:path` | path and query; `*` stays |
//! | `:authority` | the host; for CONNECT also path and target |
//! | `:scheme`, `:protocol` | nothing |
//! | `:status` | the status |
//!
//! Where a field is unknown, the head lacks it: an unknown method or path is empty, an unknown status 0.

use schema::{Charset, Headers, Protocol};

use super::hpack::Block;
use crate::http::head::{self, Fields, RequestHead, ResponseHead};
use crate::{Anomaly, Counters};

/// What a header block says.
#[derive(Debug)]
pub(super) struct Section {
    pseudo: Pseudo,
    pub(super) headers: Headers,
    pub(super) fields: Fields,
    pub(super) charset: Charset,
    /// Fields that are unknown, or were left out because there were too many.
    pub(super) lacking: u64,
}

#[derive(Debug, Default)]
struct Pseudo {
    method: Option<String>,
    path: Option<String>,
    authority: Option<String>,
    status: Option<u16>,
    protocol: bool,
    /// There is one.
    any: bool,
}

impl Section {
    /// Sorts the fields of a block. Names that no sender may write are kept as they are.
    pub(super) fn of(block: &Block, counters: &mut Counters) -> Self {
        let is_text = |part: Option<&[u8]>| part.is_none_or(|part| str::from_utf8(part).is_ok());
        let utf8 = block
            .iter()
            .all(|field| is_text(field.name) && is_text(field.value));
        let charset = if utf8 { Charset::Utf8 } else { Charset::Latin1 };
        let mut section = Self {
            pseudo: Pseudo::default(),
            headers: Headers::with_capacity(block.len(), block.text_bytes()),
            fields: Fields::default(),
            charset,
            lacking: u64::from(block.left_out),
        };
        if block.left_out > 0 {
            counters.count(Anomaly::HttpHeadersCut);
        }
        for field in block.iter() {
            let (Some(name), Some(value)) = (field.name, field.value) else {
                counters.count(Anomaly::Http2FieldUnknown);
                section.lacking += 1;
                continue;
            };
            let (name, text) = (head::text(name, charset), head::text(value, charset));
            match name.strip_prefix(':') {
                Some(name) => section.pseudo.note(name, text.into_owned(), counters),
                None => {
                    section.fields.note(&name, value);
                    section.headers.push(&name, &text);
                }
            }
        }
        section
    }

    /// Whether it is the head of a message, not its trailers.
    pub(super) fn is_head(&self) -> bool {
        self.pseudo.any
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.pseudo.status
    }

    /// Whether it says which end sends it, and that this is the client.
    pub(super) fn is_from_client(&self) -> Option<bool> {
        let pseudo = &self.pseudo;
        match pseudo.status {
            Some(_) => Some(false),
            None if pseudo.method.is_some() || pseudo.path.is_some() => Some(true),
            None => None,
        }
    }

    /// The head of a request and its `:authority`; `None` if it lacks what no request may, and that was not lost.
    pub(super) fn into_request(self) -> Option<(RequestHead, Option<String>)> {
        let pseudo = self.pseudo;
        let method = pseudo.method.or_else(|| lost(self.lacking))?;
        let connect = method == "CONNECT" && !pseudo.protocol;
        let target = if connect {
            pseudo.authority.clone()
        } else {
            pseudo.path
        };
        let target = target.or_else(|| lost(self.lacking))?;
        let (path, query, target) = head::split_target(connect, &target);
        let head = RequestHead {
            protocol: Protocol::Http2,
            method,
            path,
            query,
            target,
            headers: self.headers,
            fields: self.fields,
            charset: self.charset,
        };
        Some((head, pseudo.authority))
    }

    pub(super) fn into_response(self) -> ResponseHead {
        ResponseHead {
            protocol: Protocol::Http2,
            status: self.pseudo.status.unwrap_or(0),
            headers: self.headers,
            fields: self.fields,
            charset: self.charset,
        }
    }
}

impl Pseudo {
    fn note(&mut self, name: &str, value: String, counters: &mut Counters) {
        self.any = true;
        match name {
            "method" => self.method = Some(value),
            "path" => self.path = Some(value),
            "authority" => self.authority = Some(value),
            "protocol" => self.protocol = true,
            "scheme" => {}
            "status" => match value.parse() {
                Ok(status @ 100..=999) => self.status = Some(status),
                _ => counters.count(Anomaly::HttpHeadOdd),
            },
            _ => counters.count(Anomaly::HttpHeadOdd),
        }
    }
}

/// What stands for text that was lost, if any was.
fn lost(lacking: u64) -> Option<String> {
    (lacking > 0).then(String::new)
}
