//! Header blocks: HEADERS or PUSH_PROMISE, and the CONTINUATIONs that they go on in (RFC 9113 section 4.3).

use super::Conn;
use super::frame::{Header, Kind, flags, fragment};
use crate::Anomaly;
use crate::http::message::Place;
use crate::http::{Context, End};

/// What a header block belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockOf {
    pub(super) stream: u32,
    /// The stream that PUSH_PROMISE promises; 0 in HEADERS.
    pub(super) promised: u32,
    pub(super) end_stream: bool,
    /// Of the first byte of the first frame.
    pub(super) place: Place,
}

/// A header block whose end is to come.
#[derive(Debug)]
pub(super) struct HeaderBlock {
    of: BlockOf,
    coded: Vec<u8>,
    /// Frames that it came in.
    frames: u32,
}

impl Conn {
    pub(super) fn handle_fragment(
        &mut self,
        end: End,
        header: &Header,
        place: Place,
        payload: &[u8],
        next: Place,
        context: &mut Context<'_>,
    ) {
        let fragment = fragment(header, payload);
        let (promised, coded) = fragment.unwrap_or_default();
        let of = BlockOf {
            stream: header.stream,
            promised,
            end_stream: header.kind == Kind::Headers && header.has(flags::END_STREAM),
            place,
        };
        if fragment.is_none() {
            context.counters.count(Anomaly::Http2BlockMalformed);
            self.lose_block(end, of, 0, next, context);
        } else if header.has(flags::END_HEADERS) {
            self.handle_block(end, of, coded, next, context);
        } else {
            self.half(end).block = Some(Box::new(HeaderBlock {
                of,
                coded: coded.to_vec(),
                frames: 1,
            }));
        }
    }

    pub(super) fn handle_continuation(
        &mut self,
        end: End,
        header: &Header,
        payload: &[u8],
        next: Place,
        context: &mut Context<'_>,
    ) {
        let limits = context.limits;
        let half = self.half(end);
        let Some(mut block) = half.block.take() else {
            // The block began where frames were lost, or was given up.
            return half.hpack.forget();
        };
        block.frames += 1;
        let full = block.coded.len() + payload.len() > limits.http_head_bytes_max
            || block.frames > limits.http2_continuations_max;
        if full {
            context.counters.count(Anomaly::Http2BlockGivenUp);
            return self.lose_block(end, block.of, 0, next, context);
        }
        block.coded.extend_from_slice(payload);
        if header.has(flags::END_HEADERS) {
            return self.handle_block(end, block.of, &block.coded, next, context);
        }
        half.block = Some(block);
    }

    /// A frame begins: a header block that is under way must go on with it.
    pub(super) fn check_block(
        &mut self,
        end: End,
        header: &Header,
        next: Place,
        context: &mut Context<'_>,
    ) {
        let half = self.half(end);
        let goes_on = |block: &HeaderBlock| {
            header.kind == Kind::Continuation && header.stream == block.of.stream
        };
        if let Some(block) = half.block.take_if(|block| !goes_on(block)) {
            context.counters.count(Anomaly::Http2BlockGivenUp);
            self.lose_block(end, block.of, 0, next, context);
        }
    }

    /// A frame with a header block that is longer than is kept.
    pub(super) fn give_up_block(
        &mut self,
        end: End,
        header: &Header,
        place: Place,
        context: &mut Context<'_>,
    ) {
        context.counters.count(Anomaly::Http2BlockGivenUp);
        let before = self.half(end).block.take();
        let of = before.map_or_else(|| BlockOf::frame(header, place), |block| block.of);
        self.lose_block(end, of, 0, place, context);
    }

    /// A frame of which something that matters is lost, `lost` bytes in all; where it ends is known.
    pub(super) fn handle_frame_lost(
        &mut self,
        end: End,
        header: &Header,
        lost: u64,
        next: Place,
        context: &mut Context<'_>,
    ) {
        match header.kind {
            Kind::Headers | Kind::PushPromise | Kind::Continuation => {
                let before = self.half(end).block.take();
                let of = before.map_or_else(|| BlockOf::frame(header, next), |block| block.of);
                self.lose_block(end, of, lost, next, context);
            }
            Kind::RstStream => self.handle_reset(header.stream, context),
            Kind::Settings => self.half(end.peer()).payload_bytes_max = None,
            _ => {}
        }
    }

    /// A header block that cannot be read: with it goes what it told to remember, and the head or trailers that it was.
    pub(super) fn lose_block(
        &mut self,
        end: End,
        of: BlockOf,
        lost: u64,
        next: Place,
        context: &mut Context<'_>,
    ) {
        self.half(end).hpack.forget();
        let side = self.side(end);
        self.pairer.handle_loss(side, lost);
        if let Some(stream) = self.streams.get(of.stream) {
            let index = stream.index;
            stream.half(side).torn = true;
            self.pairer.assume_framing(index);
        }
        if of.end_stream {
            self.end_side(of.stream, side, next, context);
        }
    }
}

impl BlockOf {
    /// The block that a frame begins, of which nothing else is known.
    fn frame(header: &Header, place: Place) -> Self {
        Self {
            stream: header.stream,
            promised: 0,
            end_stream: header.kind == Kind::Headers && header.has(flags::END_STREAM),
            place,
        }
    }
}
