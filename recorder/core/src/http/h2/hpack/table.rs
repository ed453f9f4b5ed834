//! The tables that indexes point into (RFC 7541 section 2.3), for a reader that may not have seen all of the past.

use std::collections::VecDeque;

/// What an entry costs beside its text (RFC 7541 section 4.1).
const ENTRY_OVERHEAD: usize = 32;
/// Size of a dynamic table until it is changed (RFC 9113 section 6.5.2).
const SIZE_INITIAL: usize = 4_096;

/// What an index points at; parts that were never seen are `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
}

/// The fields that one sender has told its peer to remember.
///
/// Index 62 is the newest entry, so that what was inserted after the last loss is addressed right whatever came before.
/// What came before is not kept: an index beyond the entries that are is unknown.
#[derive(Debug)]
pub(super) struct Table {
    /// Newest first.
    entries: VecDeque<Inserted>,
    /// Their size; a lower bound where a name is unknown.
    size: usize,
    /// Most that the sender keeps.
    size_max: usize,
    /// Whether every insertion was seen.
    whole: bool,
}

/// An entry of the dynamic table. The name is unknown if it was a reference to one that is.
#[derive(Debug)]
struct Inserted {
    /// Name and value, one after the other.
    text: Box<[u8]>,
    name_bytes: Option<u32>,
}

impl Inserted {
    fn size(&self) -> usize {
        self.text.len() + ENTRY_OVERHEAD
    }

    fn entry(&self) -> Entry<'_> {
        let (name, value) = self.text.split_at(self.name_bytes.unwrap_or(0) as usize);
        Entry {
            name: self.name_bytes.map(|_| name),
            value: Some(value),
        }
    }
}

impl Table {
    /// The table of a sender whose first header block is yet to come; with `whole` unset, of one that has sent some.
    pub(super) fn new(whole: bool) -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            size_max: SIZE_INITIAL,
            whole,
        }
    }

    /// Insertions were missed: nothing is known of the entries up to now.
    pub(super) fn forget(&mut self) {
        self.entries = VecDeque::new();
        self.size = 0;
        self.whole = false;
    }

    /// What `index` points at; `None` if it can point at nothing.
    pub(super) fn get(&self, index: u32) -> Option<Entry<'_>> {
        let index = (index as usize).checked_sub(1)?;
        if let Some(&(name, value)) = STATIC.get(index) {
            return Some(Entry {
                name: Some(name.as_bytes()),
                value: Some(value.as_bytes()),
            });
        }
        match self.entries.get(index - STATIC.len()) {
            Some(inserted) => Some(inserted.entry()),
            None if self.whole => None,
            None => Some(Entry {
                name: None,
                value: None,
            }),
        }
    }

    /// Adds an entry; older ones leave to make room (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, name: Option<&[u8]>, value: &[u8]) {
        let size = name.map_or(0, <[u8]>::len) + value.len() + ENTRY_OVERHEAD;
        self.evict(self.size_max.saturating_sub(size));
        if size > self.size_max {
            return;
        }
        self.size += size;
        self.entries.push_front(Inserted {
            text: [name.unwrap_or_default(), value].concat().into(),
            name_bytes: name.map(|name| u32::try_from(name.len()).unwrap_or(u32::MAX)),
        });
    }

    /// The sender changes how much it keeps (RFC 7541 section 4.3). What is kept here is at most `size_limit`: what a sender
    /// keeps beyond that becomes unknown. Says whether it keeps more.
    pub(super) fn resize(&mut self, size_max: usize, size_limit: usize) -> bool {
        let cut = size_max > size_limit;
        self.whole &= !cut;
        self.size_max = size_max.min(size_limit);
        self.evict(self.size_max);
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
        cut
    }

    /// Its size.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn evict(&mut self, size_max: usize) {
        while self.size > size_max
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= oldest.size();
        }
    }
}

/// RFC 7541 appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
