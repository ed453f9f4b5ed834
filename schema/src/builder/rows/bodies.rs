//! Columns of a body: what is stored of it, and how long it was.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryViewBuilder, Int64Builder};
use arrow::buffer::Buffer;
use bytes::Bytes;

use super::groups::long;
use crate::Body;

/// Bytes of a body from which on it is shared and not copied.
const SHARED_BYTES_MIN: usize = 4 << 10;

pub(super) struct BodyColumns {
    stored: BinaryViewBuilder,
    wire_bytes: Int64Builder,
}

impl BodyColumns {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            stored: BinaryViewBuilder::with_capacity(rows),
            wire_bytes: Int64Builder::with_capacity(rows),
        }
    }

    /// Adds a body, with its bytes if they are wanted. One of which nothing is stored is null.
    pub(super) fn append(&mut self, body: Option<&Body>, wanted: bool) {
        let stored = body
            .map(|body| &body.bytes)
            .filter(|bytes| wanted && !bytes.is_empty());
        match stored {
            Some(bytes) if bytes.len() >= SHARED_BYTES_MIN => self.share(bytes),
            stored => self.stored.append_option(stored),
        }
        self.wire_bytes
            .append_option(body.map(|body| long(body.wire_bytes)));
    }

    fn share(&mut self, bytes: &Bytes) {
        let block = self.stored.append_block(Buffer::from(bytes.clone()));
        let len = u32::try_from(bytes.len()).expect("Arrow takes no larger block");
        let appended = self.stored.try_append_view(block, 0, len);
        appended.expect("the view is all of the block");
    }

    pub(super) fn finish(mut self) -> [ArrayRef; 2] {
        [
            Arc::new(self.stored.finish()),
            Arc::new(self.wire_bytes.finish()),
        ]
    }
}
