//! HPACK (RFC 7541), read by someone who may have missed a part.
//!
//! A decoder that a peer owns must fail where an index points at nothing. This one listens in: where header blocks were
//! lost, or sent before it listened, an index into the past is a field that is *unknown*, and what is inserted from then on
//! is known again.

mod huffman;
mod table;

use table::{Entry, Table};

/// The header fields of one direction of a connection, across its header blocks.
#[derive(Debug)]
pub(super) struct Decoder {
    table: Table,
}

/// The fields of one header block.
#[derive(Debug, Default)]
pub(super) struct Block {
    text: Vec<u8>,
    fields: Vec<Part>,
    /// Fields that were left out because the list grew too large.
    pub(super) left_out: u32,
    /// The sender keeps more than is kept here.
    pub(super) table_cut: bool,
}

/// A field of a block, as the ends of its name and value in the block's text; the name begins where the field before ends.
#[derive(Clone, Copy, Debug)]
struct Part {
    name_end: u32,
    value_end: u32,
    name_known: bool,
    value_known: bool,
}

/// A header field; what is unknown of it is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
}

/// Bounds of a decoder, from [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of the dynamic table.
    pub(super) table_bytes_max: usize,
    /// Bytes of the text of one block.
    pub(super) list_bytes_max: usize,
    /// Fields of one block.
    pub(super) fields_max: usize,
}

/// A header block that no encoder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Decoder {
    /// The decoder of a sender whose first header block is yet to come; with `whole` unset, of one that has sent some.
    pub(super) fn new(whole: bool) -> Self {
        Self {
            table: Table::new(whole),
        }
    }

    /// Header blocks were missed.
    pub(super) fn forget(&mut self) {
        self.table.forget();
    }

    /// Bytes that the dynamic table holds.
    #[cfg(test)]
    pub(super) fn table_bytes(&self) -> usize {
        self.table.size()
    }

    /// Reads one whole header block; after one that is malformed, the table is as after a loss.
    pub(super) fn decode(&mut self, block: &[u8], bounds: Bounds) -> Result<Block, Malformed> {
        let mut decoded = Block::default();
        let mut input = block;
        while !input.is_empty() {
            if self.step(&mut input, &mut decoded, bounds).is_none() {
                self.table.forget();
                return Err(Malformed);
            }
        }
        Ok(decoded)
    }

    /// One representation (RFC 7541 section 6).
    fn step(&mut self, input: &mut &[u8], block: &mut Block, bounds: Bounds) -> Option<()> {
        let first = *input.first()?;
        if first & 0x80 != 0 {
            let entry = self.table.get(integer(input, 7)?)?;
            block.push(entry, bounds);
            return Some(());
        }
        if first & 0xe0 == 0x20 {
            let size_max = integer(input, 5)? as usize;
            block.table_cut |= self.table.resize(size_max, bounds.table_bytes_max);
            return Some(());
        }
        let inserts = first & 0x40 != 0;
        let index = integer(input, if inserts { 6 } else { 4 })?;
        let start = block.text.len();
        let name_known = match index {
            0 => {
                string(input, &mut block.text)?;
                true
            }
            _ => match self.table.get(index)?.name {
                Some(name) => {
                    block.text.extend_from_slice(name);
                    true
                }
                None => false,
            },
        };
        let name_end = block.text.len();
        string(input, &mut block.text)?;
        if inserts {
            let (name, value) = block.text[start..].split_at(name_end - start);
            self.table.insert(name_known.then_some(name), value);
        }
        block.end_field(start, name_end, name_known, true, bounds);
        Some(())
    }
}

impl Block {
    /// The fields, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let mut start = 0;
        self.fields.iter().map(move |part| {
            let (name_end, value_end) = (part.name_end as usize, part.value_end as usize);
            let (name, value) = (&self.text[start..name_end], &self.text[name_end..value_end]);
            start = value_end;
            Field {
                name: part.name_known.then_some(name),
                value: part.value_known.then_some(value),
            }
        })
    }

    /// Fields.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Bytes of all names and values.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    fn push(&mut self, entry: Entry<'_>, bounds: Bounds) {
        let start = self.text.len();
        let len = entry.name.map_or(0, <[u8]>::len) + entry.value.map_or(0, <[u8]>::len);
        if start + len > bounds.list_bytes_max {
            self.left_out += 1;
            return;
        }
        self.text.extend_from_slice(entry.name.unwrap_or_default());
        let name_end = self.text.len();
        self.text.extend_from_slice(entry.value.unwrap_or_default());
        let known = (entry.name.is_some(), entry.value.is_some());
        self.end_field(start, name_end, known.0, known.1, bounds);
    }

    /// The text from `start` on is a field, if there is room for one.
    fn end_field(
        &mut self,
        start: usize,
        name_end: usize,
        name_known: bool,
        value_known: bool,
        bounds: Bounds,
    ) {
        let ends = (u32::try_from(name_end), u32::try_from(self.text.len()));
        match ends {
            (Ok(name_end), Ok(value_end))
                if self.text.len() <= bounds.list_bytes_max
                    && self.fields.len() < bounds.fields_max =>
            {
                self.fields.push(Part {
                    name_end,
                    value_end,
                    name_known,
                    value_known,
                });
            }
            _ => {
                self.text.truncate(start);
                self.left_out += 1;
            }
        }
    }
}

/// An integer with a prefix of `bits` bits (RFC 7541 section 5.1), of at most 32 bits.
fn integer(input: &mut &[u8], bits: u32) -> Option<u32> {
    let (&first, mut rest) = input.split_first()?;
    let prefix = (1_u32 << bits) - 1;
    let mut number = u32::from(first) & prefix;
    if number == prefix {
        let mut shift = 0;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            let more = u32::from(byte & 0x7f);
            // Leading zeros may be written without end; numbers beyond 32 bits are none that a length or index can have.
            if shift > 28 || more.leading_zeros() < shift {
                return None;
            }
            number = number.checked_add(more << shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *input = rest;
    Some(number)
}

/// Appends a string (RFC 7541 section 5.2) to `text`.
fn string(input: &mut &[u8], text: &mut Vec<u8>) -> Option<()> {
    let coded = input.first()? & 0x80 != 0;
    let len = integer(input, 7)? as usize;
    let (string, rest) = input.split_at_checked(len)?;
    *input = rest;
    if coded {
        huffman::decode(string, text)
    } else {
        text.extend_from_slice(string);
        Some(())
    }
}

#[cfg(test)]
mod tests;
