//! Lists: of header fields, and of interim statuses.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, ListArray, StringBuilder, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

use crate::Headers;
use crate::columns::{header_fields, header_item, status_item};

/// A column of header or trailer fields.
pub(super) struct HeadersBuilder {
    /// Where each row's fields end.
    ends: Vec<i32>,
    present: Vec<bool>,
    names: StringBuilder,
    values: StringBuilder,
    fields: i32,
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
            names: StringBuilder::with_capacity(fields, fields * 12),
            values: StringBuilder::with_capacity(fields, fields * 24),
            fields: 0,
        }
    }

    /// Adds a row.
    pub(super) fn append(&mut self, headers: Option<&Headers>) {
        if let Some(headers) = headers {
            for (name, value) in headers.iter() {
                self.names.append_value(name);
                self.values.append_value(value);
                self.fields += 1;
            }
        }
        self.ends.push(self.fields);
        self.present.push(headers.is_some());
    }

    pub(super) fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let fields = StructArray::try_new(
            header_fields(),
            vec![
                Arc::new(self.names.finish()),
                Arc::new(self.values.finish()),
            ],
            None,
        )?;
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
