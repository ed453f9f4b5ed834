//! The streams of one connection that are under way.

use std::collections::{BTreeMap, VecDeque};

use crate::http::Side;

/// How far one side of a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Progress {
    /// No head was seen.
    #[default]
    Awaited,
    /// A head was seen.
    Open,
    /// Its last byte was seen.
    Ended,
}

/// One side of a stream.
#[derive(Debug, Default)]
pub(super) struct Half {
    pub(super) progress: Progress,
    /// Bytes of the body so far, lost ones included.
    pub(super) body_bytes: u64,
    /// What Content-Length says of them.
    pub(super) length: Option<u64>,
    /// Frames of it may have been lost, it is not known which.
    pub(super) torn: bool,
}

/// A stream, and the exchange that it carries.
#[derive(Debug)]
pub(super) struct Stream {
    /// Index of the exchange.
    pub(super) index: u32,
    /// By [`Side`].
    pub(super) halves: [Half; 2],
    /// It carries something else since CONNECT was answered.
    pub(super) tunnel: bool,
    /// How often the client's frames had been lost sight of when it was opened.
    pub(super) sync: u32,
    /// The request was HEAD.
    pub(super) head: bool,
}

impl Stream {
    pub(super) fn new(index: u32, sync: u32) -> Self {
        Self {
            index,
            halves: Default::default(),
            tunnel: false,
            sync,
            head: false,
        }
    }

    pub(super) fn half(&mut self, side: Side) -> &mut Half {
        &mut self.halves[side as usize]
    }

    pub(super) fn is_ended(&self) -> bool {
        self.halves
            .iter()
            .all(|half| half.progress == Progress::Ended)
    }
}

/// The streams under way, and those that were given up while frames of them may still come.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<u32, Stream>,
    given_up: VecDeque<u32>,
}

impl Streams {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn get(&mut self, id: u32) -> Option<&mut Stream> {
        self.open.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: u32, stream: Stream) {
        self.open.insert(id, stream);
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Stream> {
        self.open.remove(&id)
    }

    /// The stream whose exchange is the oldest.
    pub(super) fn oldest(&self) -> Option<u32> {
        let oldest = self.open.iter().min_by_key(|(_, stream)| stream.index);
        oldest.map(|(&id, _)| id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Stream)> {
        self.open.iter_mut().map(|(&id, stream)| (id, stream))
    }

    /// Ids of the streams that `which` holds for.
    pub(super) fn ids(&self, which: impl Fn(u32, &Stream) -> bool) -> Vec<u32> {
        let chosen = self.open.iter().filter(|&(&id, stream)| which(id, stream));
        chosen.map(|(&id, _)| id).collect()
    }

    /// Remembers that a stream was given up; says whether another one had to be forgotten for it.
    pub(super) fn remember(&mut self, id: u32, max: usize) -> bool {
        if self.was_given_up(id) || max == 0 {
            return false;
        }
        let full = self.given_up.len() >= max;
        if full {
            self.given_up.pop_front();
        }
        self.given_up.push_back(id);
        full
    }

    pub(super) fn was_given_up(&self, id: u32) -> bool {
        self.given_up.contains(&id)
    }
}
