//! The last step of an exchange: its bodies, its completeness, and the response's Content-Encoding undone.

use std::mem::take;

use bytes::Bytes;
use schema::{Body, BodyHasher, Certainty, Completeness, Response, TcpSpan};

use super::slot::{Part, PartState, Slot};
use crate::http::Context;
use crate::{Anomaly, Counters, Options};

impl Slot {
    /// Makes the row what it will be in the archive.
    pub(super) fn finish(&mut self, context: &mut Context<'_>) {
        for part in &mut self.parts {
            part.broken |= part.state == PartState::Open;
        }
        self.exchange.completeness = self.completeness();
        if self.exchange.response.is_none() && self.exchange.request.is_some() {
            // Nothing is paired; a response may exist where bytes were lost.
            self.exchange.pairing = if self.exchange.response_missing_bytes > 0 {
                Certainty::Assumed
            } else {
                Certainty::Exact
            };
        }
        self.exchange.tcp = self.tcp();
        let [client, server] = &mut self.parts;
        if let Some(request) = &mut self.exchange.request {
            request.body = body(client);
        }
        let whole = !server.broken
            && !is_truncated(server, self.exchange.response_missing_bytes)
            && self.exchange.response_missing_bytes == 0;
        if let Some(response) = &mut self.exchange.response {
            response.body = body(server);
            let is_seen = !server.broken && self.exchange.response_missing_bytes == 0;
            let digest = server.digest.as_ref().filter(|_| is_seen);
            response.body_digest = digest.map(BodyHasher::digest);
            let codings = codings(response, self.transfer_codings.take());
            decode(response, codings, whole, context.options, context.counters);
        }
    }

    /// Where the only message of a one-sided exchange lies; only of one that ended as it should, because that is not said otherwise.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low 32 bits of a place are the sequence number"
    )]
    fn tcp(&self) -> Option<TcpSpan> {
        let [client, server] = &self.parts;
        let (place, end) = match (&self.exchange.request, self.answer) {
            _ if self.exchange.stream_id.is_some() => return None,
            (Some(_), None) if !client.broken => {
                (self.place, self.end.unwrap_or(self.place.offset))
            }
            (None, Some((place, end))) if !server.broken => (place, end),
            _ => return None,
        };
        Some(TcpSpan {
            sequence: place.offset as u32,
            sequence_end: end as u32,
            acknowledgement: place.acked as u32,
        })
    }

    /// The first word that applies, in the order of [`Completeness`].
    fn completeness(&self) -> Completeness {
        let [client, server] = &self.parts;
        let exchange = &self.exchange;
        let (request_missing, response_missing) = (
            exchange.request_missing_bytes,
            exchange.response_missing_bytes,
        );
        [
            (exchange.request.is_none(), Completeness::NoRequest),
            (exchange.response.is_none(), Completeness::NoResponse),
            (request_missing > 0, Completeness::RequestGap),
            (response_missing > 0, Completeness::ResponseGap),
            (client.broken || server.broken, Completeness::Aborted),
            (
                is_truncated(client, request_missing),
                Completeness::RequestTruncated,
            ),
            (
                is_truncated(server, response_missing),
                Completeness::ResponseTruncated,
            ),
            (self.upgraded, Completeness::Upgraded),
        ]
        .into_iter()
        .find_map(|(applies, word)| applies.then_some(word))
        .unwrap_or(Completeness::Complete)
    }
}

/// Whether the body limit cut what is stored.
fn is_truncated(part: &Part, missing: u64) -> bool {
    (part.body.len() as u64) < part.body_bytes.saturating_sub(missing)
}

fn body(part: &mut Part) -> Body {
    Body {
        bytes: Bytes::from(take(&mut part.body)),
        wire_bytes: part.body_bytes,
    }
}

/// The codings that a response's body has, in the order in which they were applied; transfer codings come last.
fn codings(response: &Response, transfer: Option<String>) -> Option<String> {
    let mut codings: Option<String> = None;
    for more in response
        .headers
        .get_all("content-encoding")
        .chain(transfer.as_deref())
    {
        match &mut codings {
            None => codings = Some(more.to_owned()),
            Some(codings) => {
                codings.push_str(", ");
                codings.push_str(more);
            }
        }
    }
    let identity =
        |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    codings.filter(|codings| !codings.split(',').all(identity))
}

/// Undoes a body's codings if it is whole, they are known and policy wants it; else the row names them.
fn decode(
    response: &mut Response,
    codings: Option<String>,
    whole: bool,
    options: &Options,
    counters: &mut Counters,
) {
    let Some(codings) = codings.filter(|_| !response.body.bytes.is_empty()) else {
        return;
    };
    if whole && !options.raw_bodies {
        match schema::decode_content(&codings, &response.body.bytes, options.body_bytes_max) {
            Ok(decoded) => {
                response.body.bytes = Bytes::from(decoded);
                return;
            }
            Err(_) => counters.count(Anomaly::ContentNotDecoded),
        }
    }
    response.body_encoding = Some(codings);
}
