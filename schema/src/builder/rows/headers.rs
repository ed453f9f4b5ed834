//! Lists: of header fields, and of interim statuses.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, ListArray, StringArray, StructArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

use crate::Headers;
use crate::columns::{header_fields, header_item, status_item};

/// A column of header or trailer fields.
pub(super) struct HeadersBuilder {
    /// Where each row's fields end.
    ends: Vec<i32>,
    present: Vec<bool>,
    names: Texts,
    values: Texts,
}

/// Texts without nulls, one after the other: fields are most of what a row has.
struct Texts {
    text: String,
    /// Where each ends.
    ends: Vec<i32>,
}

impl Texts {
    fn new(count: usize, bytes: usize) -> Self {
        let mut ends = Vec::with_capacity(count + 1);
        ends.push(0);
        Self {
            text: String::with_capacity(bytes),
            ends,
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(int(self.text.len()));
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        let text = Buffer::from_vec(self.text.into_bytes());
        Ok(Arc::new(StringArray::try_new(ends, text, None)?))
    }
}

/// An offset into a column of a batch, which is bounded far below.
fn int(value: usize) -> i32 {
    i32::try_from(value).expect("a batch has less than 2 GiB")
}

impl HeadersBuilder {
    /// A column with room for `rows` rows of about `fields` fields.
    pub(super) fn new(rows: usize, fields: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        let fields = rows * fields;
        Self {
            ends,
            present: Vec::with_capacity(rows),
            names: Texts::new(fields, fields * 12),
            values: Texts::new(fields, fields * 24),
        }
    }

    /// Adds a row.
    pub(super) fn append(&mut self, headers: Option<&Headers>) {
        if let Some(headers) = headers {
            for (name, value) in headers.iter() {
                self.names.push(name);
                self.values.push(value);
            }
        }
        self.ends.push(int(self.names.ends.len() - 1));
        self.present.push(headers.is_some());
    }

    pub(super) fn finish(self) -> Result<ArrayRef, ArrowError> {
        let columns = vec![self.names.finish()?, self.values.finish()?];
        let fields = StructArray::try_new(header_fields(), columns, None)?;
        Ok(Arc::new(ListArray::try_new(
            Arc::new(header_item()),
            OffsetBuffer::new(ScalarBuffer::from(self.ends)),
            Arc::new(fields),
            Some(NullBuffer::from(self.present)),
        )?))
    }
}

/// The column of interim statuses.
pub(super) struct StatusesBuilder {
    /// Where each row's statuses end.
    ends: Vec<i32>,
    statuses: Vec<i32>,
}

impl StatusesBuilder {
    /// A column with room for `rows` rows.
    pub(super) fn new(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self {
            ends,
            statuses: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn append(&mut self, statuses: &[u16]) {
        self.statuses
            .extend(statuses.iter().map(|&status| i32::from(status)));
        let end = i32::try_from(self.statuses.len()).expect("a batch has few interim responses");
        self.ends.push(end);
    }

    pub(super) fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(ListArray::try_new(
            Arc::new(status_item()),
            OffsetBuffer::new(ScalarBuffer::from(self.ends)),
            Arc::new(Int32Array::from(self.statuses)),
            None,
        )?))
    }
}
