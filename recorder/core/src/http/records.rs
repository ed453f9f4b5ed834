//! TLS on a connection that was under way when it was first seen: by two records in a row (RFC 8446 section 5.1), wherever in
//! the bytes they begin.

use memchr::memchr_iter;

/// Bytes of a record's header.
const HEADER_BYTES: usize = 5;

/// What may be records in the bytes of one end. How the bytes are cut into chunks makes no difference. Bytes that look like a
/// header by chance hide others for as long as their record would be, 18 KiB at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Records {
    /// The beginning of what may be a header, as far as it came.
    header: [u8; HEADER_BYTES],
    len: u8,
    /// Bytes that are left of what may be a record.
    left: u16,
    /// The next byte follows what may be a record.
    follows: bool,
}

impl Records {
    /// Whether `bytes` may hold the first byte of a record, so that there is something to remember.
    pub(super) fn may_begin_in(bytes: &[u8]) -> bool {
        find_header(bytes).is_some()
    }

    /// Goes on with `bytes`; says after how many of them the second of two headers ends of which one follows the other's
    /// record.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.left > 0 {
                let here = u16::try_from(bytes.len() - at).unwrap_or(u16::MAX);
                let skipped = self.left.min(here);
                self.left -= skipped;
                at += usize::from(skipped);
                continue;
            }
            if self.len == 0 && !self.follows {
                at += find_header(&bytes[at..])?;
            }
            self.header[usize::from(self.len)] = bytes[at];
            self.len += 1;
            at += 1;
            if self.take_header() {
                return Some(at);
            }
        }
        None
    }

    /// Judges the bytes that may begin a header; true if they are one that follows a record.
    fn take_header(&mut self) -> bool {
        while self.len > 0 {
            let header = &self.header[..usize::from(self.len)];
            match is_tls_record(header) {
                None => return false,
                Some(true) => {
                    self.left = u16::from_be_bytes([self.header[3], self.header[4]]);
                    self.len = 0;
                    return std::mem::replace(&mut self.follows, true);
                }
                Some(false) => {
                    self.follows = false;
                    self.header.copy_within(1.., 0);
                    self.len -= 1;
                }
            }
        }
        false
    }
}

/// Where the first byte is that may begin a header.
fn find_header(bytes: &[u8]) -> Option<usize> {
    let major = memchr_iter(MAJOR, bytes)
        .filter_map(|at| at.checked_sub(1))
        .find(|&at| is_tls_record(&bytes[at..]) != Some(false));
    major.or_else(|| {
        let last = bytes.len().checked_sub(1)?;
        (is_tls_record(&bytes[last..]) != Some(false)).then_some(last)
    })
}

/// The first byte of every version.
const MAJOR: u8 = 3;

/// Whether `bytes` begin with the header of a TLS record (RFC 8446 section 5.1); `None` if there are too few to tell.
pub(super) fn is_tls_record(bytes: &[u8]) -> Option<bool> {
    const RECORD_BYTES_MAX: u16 = (1 << 14) + 2048;
    let likely = |at: usize, test: fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| test(byte));
    let version = likely(0, |kind| matches!(kind, 20..=23))
        && likely(1, |major| major == MAJOR)
        && likely(2, |minor| minor <= 4);
    let Some(&[_, _, _, high, low]) = bytes.first_chunk() else {
        return if version { None } else { Some(false) };
    };
    Some(version && (1..=RECORD_BYTES_MAX).contains(&u16::from_be_bytes([high, low])))
}

#[cfg(test)]
mod tests;
