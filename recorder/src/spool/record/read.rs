//! Bytes of a frame back into records. The checksum was right, so that what does not fit is of another version or a bug.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use schema::{
    Body, BodyDigest, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange,
    Headers, LedgerRow, Protocol, Request, Response, TcpSpan, Timestamp, Vni,
};

use super::{DIGEST, EXCHANGE, LEDGER, OPEN, POLICY, Policy, Record};

/// A frame whose checksum is right and whose content is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record is not understood at its {0}")]
pub(in crate::spool) struct Malformed(&'static str);

/// The records of a frame; `open` takes the rows of exchanges that no ledger row counted when the file began.
pub(in crate::spool) fn read_all(
    frame: &Bytes,
    mut records: impl FnMut(Record),
    mut open: impl FnMut(LedgerRow),
) -> Result<(), Malformed> {
    let mut reader = Reader {
        frame,
        at: 0,
        connection: None,
    };
    while reader.at < frame.len() {
        match reader.byte("tag")? {
            EXCHANGE => records(Record::Exchange(Box::new(reader.exchange_with_digest()?))),
            LEDGER => records(Record::Ledger(Box::new(reader.row()?))),
            OPEN => open(reader.row()?),
            POLICY => records(Record::Policy(Box::new(Policy {
                sampling: reader.optional(|reader| reader.text("sampling"))?,
                redaction: reader.optional(|reader| reader.text("redaction"))?,
            }))),
            _ => return Err(Malformed("tag")),
        }
    }
    Ok(())
}

struct Reader<'a> {
    frame: &'a Bytes,
    at: usize,
    /// The connection of the exchange before: successive ones often share it.
    connection: Option<Arc<ConnectionInfo>>,
}

impl Reader<'_> {
    /// An exchange, and what may follow it.
    fn exchange_with_digest(&mut self) -> Result<Exchange, Malformed> {
        let mut exchange = self.exchange()?;
        if self.frame.get(self.at) == Some(&DIGEST) {
            self.at += 1;
            let digest = BodyDigest(u128::from_le_bytes(self.array("digest")?));
            let response = exchange.response.as_mut().ok_or(Malformed("digest"))?;
            response.body_digest = Some(digest);
        }
        Ok(exchange)
    }

    fn exchange(&mut self) -> Result<Exchange, Malformed> {
        let connection = self.connection()?;
        let index = self.number("index")?;
        let stream_id = self.optional(|reader| reader.number("stream"))?;
        let protocol = self.word(Protocol::ALL, "protocol")?;
        let completeness = self.word(Completeness::ALL, "completeness")?;
        let framing = self.word(Certainty::ALL, "framing")?;
        let pairing = self.word(Certainty::ALL, "pairing")?;
        let charset = self.word(Charset::ALL, "charset")?;
        let request_missing_bytes = self.integer("missing bytes")?;
        let response_missing_bytes = self.integer("missing bytes")?;
        let statuses = self.integer("interim statuses")?;
        let interim_statuses = (0..statuses)
            .map(|_| self.number("interim status"))
            .collect::<Result<_, _>>()?;
        Ok(Exchange {
            connection,
            index,
            stream_id,
            protocol,
            request: self.optional(Self::request)?,
            response: self.optional(Self::response)?,
            interim_statuses,
            request_missing_bytes,
            response_missing_bytes,
            completeness,
            framing,
            pairing,
            charset,
            replay: None,
            tcp: self.optional(Self::tcp)?,
        })
    }

    fn tcp(&mut self) -> Result<TcpSpan, Malformed> {
        let mut number = || Ok(u32::from_le_bytes(self.array("TCP span")?));
        Ok(TcpSpan {
            sequence: number()?,
            sequence_end: number()?,
            acknowledgement: number()?,
        })
    }

    fn row(&mut self) -> Result<LedgerRow, Malformed> {
        let mut row = LedgerRow {
            minute: self.time()?,
            source: self.optional(|reader| reader.text("source"))?,
            vni: self.vni()?,
            ..LedgerRow::default()
        };
        let written = self.integer("number of counters")?;
        let wrong = Malformed("number of counters");
        let mut counters = row.counters_mut();
        let counters = usize::try_from(written)
            .ok()
            .and_then(|n| counters.get_mut(..n));
        for counter in counters.ok_or(wrong)? {
            **counter = self.integer("counter")?;
        }
        Ok(row)
    }

    fn connection(&mut self) -> Result<Arc<ConnectionInfo>, Malformed> {
        let id = ConnectionId(u64::from_le_bytes(self.array("connection")?));
        let source: Option<Arc<str>> = self.optional(|reader| Ok(reader.text("source")?.into()))?;
        let info = ConnectionInfo {
            id,
            source,
            vni: self.vni()?,
            client: self.address()?,
            server: self.address()?,
        };
        if let Some(last) = self.connection.as_ref().filter(|last| ***last == info) {
            return Ok(Arc::clone(last));
        }
        Ok(Arc::clone(self.connection.insert(Arc::new(info))))
    }

    fn request(&mut self) -> Result<Request, Malformed> {
        Ok(Request {
            start: self.time()?,
            end: self.time()?,
            method: self.text("method")?,
            host: self.optional(|reader| reader.text("host"))?,
            path: self.text("path")?,
            query: self.optional(|reader| reader.text("query"))?,
            target: self.optional(|reader| reader.text("target"))?,
            headers: self.headers()?,
            body: self.body()?,
            trailers: self.optional(Self::headers)?,
        })
    }

    fn response(&mut self) -> Result<Response, Malformed> {
        Ok(Response {
            start: self.time()?,
            end: self.time()?,
            status: self.number("status")?,
            headers: self.headers()?,
            body: self.body()?,
            body_encoding: self.optional(|reader| reader.text("encoding"))?,
            body_digest: None,
            trailers: self.optional(Self::headers)?,
        })
    }

    fn headers(&mut self) -> Result<Headers, Malformed> {
        let fields = self.integer("headers")?;
        // A field takes at least two bytes, so that a wrong number asks for no memory.
        let fields = usize::try_from(fields).map_err(|_| Malformed("headers"))?;
        let mut headers = Headers::with_capacity(fields.min(self.frame.len() / 2), 0);
        for _ in 0..fields {
            let name = self.text("header name")?;
            headers.push(&name, &self.text("header value")?);
        }
        Ok(headers)
    }

    fn body(&mut self) -> Result<Body, Malformed> {
        let range = self.span("body")?;
        Ok(Body {
            // A copy: a slice would hold the whole frame for as long as the exchange lives.
            bytes: Bytes::copy_from_slice(&self.frame[range]),
            wire_bytes: self.integer("body length")?,
        })
    }

    fn address(&mut self) -> Result<SocketAddr, Malformed> {
        let ip: IpAddr = match self.byte("address")? {
            4 => Ipv4Addr::from(self.array::<4>("address")?).into(),
            6 => Ipv6Addr::from(self.array::<16>("address")?).into(),
            _ => return Err(Malformed("address")),
        };
        Ok((ip, u16::from_le_bytes(self.array("port")?)).into())
    }

    fn vni(&mut self) -> Result<Option<Vni>, Malformed> {
        self.optional(|reader| Ok(Vni::new(reader.number("network")?)))
    }

    fn time(&mut self) -> Result<Timestamp, Malformed> {
        Ok(Timestamp::from_nanos(u64::from_le_bytes(
            self.array("time")?,
        )))
    }

    fn text(&mut self, what: &'static str) -> Result<String, Malformed> {
        let range = self.span(what)?;
        let text = std::str::from_utf8(&self.frame[range]).map_err(|_| Malformed(what))?;
        Ok(text.to_owned())
    }

    fn word<T: Copy>(&mut self, all: &[T], what: &'static str) -> Result<T, Malformed> {
        let index = usize::from(self.byte(what)?);
        all.get(index).copied().ok_or(Malformed(what))
    }

    fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.byte("presence")? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Malformed("presence")),
        }
    }

    fn number<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, Malformed> {
        T::try_from(self.integer(what)?).map_err(|_| Malformed(what))
    }

    fn integer(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed(what))
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let rest = &self.frame[self.at..];
        let array = rest.first_chunk().copied().ok_or(Malformed(what))?;
        self.at += N;
        Ok(array)
    }

    /// Where bytes with a length lie.
    fn span(&mut self, what: &'static str) -> Result<std::ops::Range<usize>, Malformed> {
        let length: usize = self.number(what)?;
        let end = self.at.checked_add(length).ok_or(Malformed(what))?;
        if end > self.frame.len() {
            return Err(Malformed(what));
        }
        let start = std::mem::replace(&mut self.at, end);
        Ok(start..end)
    }
}
