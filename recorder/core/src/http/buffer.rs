//! Bytes that wait for more, with where and when they were seen.

use super::message::Place;

/// Bytes not consumed yet of the chunk at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    pub(crate) bytes: &'a [u8],
    /// Of the first of the bytes.
    pub(crate) place: Place,
}

impl<'a> Input<'a> {
    /// Takes the first `len` bytes off.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(len);
        self.bytes = rest;
        self.place.offset += len as u64;
        taken
    }
}

/// Marks kept in one buffer; with more, bytes are taken for as old as those before them.
const MARKS_MAX: usize = 64;

/// Successive bytes of one end that came in earlier chunks than the one at hand.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Place of the first byte, and of each later one that has another time or acknowledgement than the byte before.
    marks: Vec<Place>,
}

impl Buffer {
    /// An empty buffer for bytes that start at `place`.
    pub(crate) fn new(place: Place) -> Self {
        Self {
            bytes: Vec::new(),
            marks: vec![place],
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds bytes at the end.
    pub(crate) fn extend(&mut self, bytes: &[u8], place: Place) {
        let known = self
            .marks
            .last()
            .is_some_and(|last| (last.at, last.acked) == (place.at, place.acked));
        if self.bytes.is_empty() {
            self.marks = vec![place];
        } else if !known && self.marks.len() < MARKS_MAX {
            self.marks.push(place);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets what comes after the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        let end = self.marks[0].offset + len as u64;
        let kept = self.marks.partition_point(|mark| mark.offset < end);
        self.marks.truncate(kept.max(1));
    }

    /// Forgets the first `len` bytes.
    pub(crate) fn drop_front(&mut self, len: usize) {
        let place = self.place(len);
        self.bytes.drain(..len);
        let later = self
            .marks
            .partition_point(|mark| mark.offset <= place.offset);
        self.marks.drain(..later);
        self.marks.insert(0, place);
    }

    /// The bytes in pieces that were seen together.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Input<'_>> {
        let start = self.marks[0].offset;
        let index = move |mark: &Place| {
            usize::try_from(mark.offset - start).expect("a mark lies within the buffer")
        };
        self.marks.iter().enumerate().map(move |(number, &place)| {
            let end = self.marks.get(number + 1).map_or(self.bytes.len(), index);
            Input {
                bytes: &self.bytes[index(&place)..end],
                place,
            }
        })
    }

    /// Where the byte at `index` was seen.
    pub(crate) fn place(&self, index: usize) -> Place {
        let offset = self.marks[0].offset + index as u64;
        let mark = self.marks.partition_point(|mark| mark.offset <= offset);
        Place {
            offset,
            ..self.marks[mark.saturating_sub(1)]
        }
    }
}
