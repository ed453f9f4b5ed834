//! Where frames come from, as small numbers.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use schema::Vni;

use crate::wire::{Address, Wrapping};

/// Where a frame comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// What keeps connections apart: the tunnel, whichever end of it sends, or the capture.
    pub(crate) scope: u32,
    /// Number of the name that rows carry.
    pub(crate) source: u32,
    pub(crate) vni: Option<Vni>,
}

/// Names of sources, and tunnels, each with a number: they are few, and every frame has one.
///
/// A tunnel is the same from both its ends: a mirror sends both directions of a connection from the mirrored interface, but
/// an overlay network sends each from its own side.
#[derive(Debug)]
pub(crate) struct Sources {
    names: Vec<Arc<str>>,
    by_name: FxHashMap<Arc<str>, u32>,
    scopes: FxHashMap<Scope, u32>,
    known: FxHashMap<(Wrapping, u32), Origin>,
    /// The name of the frame before, by pointer.
    last_name: Option<(Arc<str>, u32)>,
    last: Option<(Wrapping, u32, Origin)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    /// The capture's, by the number of its name.
    Capture(u32, Option<Vni>, u32),
    Tunnel([Address; 2], Option<Vni>, u32),
}

impl Sources {
    /// The number of the name that stands for what no more numbers are there for.
    pub(crate) const OTHER: u32 = 0;

    pub(crate) fn new() -> Self {
        let other: Arc<str> = "other".into();
        Self {
            names: vec![Arc::clone(&other)],
            by_name: FxHashMap::from_iter([(other, Self::OTHER)]),
            scopes: FxHashMap::default(),
            known: FxHashMap::default(),
            last_name: None,
            last: None,
        }
    }

    pub(crate) fn name(&self, source: u32) -> &Arc<str> {
        self.names
            .get(source as usize)
            .unwrap_or(&self.names[Self::OTHER as usize])
    }

    /// The number of a capture's name.
    pub(crate) fn capture(&mut self, name: &Arc<str>, max: usize) -> u32 {
        match &self.last_name {
            Some((last, number)) if Arc::ptr_eq(last, name) => *number,
            _ => {
                let number = self.number(Arc::clone(name), max);
                self.last_name = Some((Arc::clone(name), number));
                number
            }
        }
    }

    /// Where a frame comes from that is one of too many to tell.
    pub(crate) fn unknown(capture: u32) -> Origin {
        Origin {
            scope: (u32::MAX >> 1) - capture,
            source: capture,
            vni: None,
        }
    }

    /// Where a frame of the capture with number `capture` comes from; `None` if there are too many to tell.
    pub(crate) fn identify(
        &mut self,
        wrapping: &Wrapping,
        capture: u32,
        max: usize,
    ) -> Option<Origin> {
        if let Some((last, last_capture, origin)) = &self.last
            && last == wrapping
            && *last_capture == capture
        {
            return Some(*origin);
        }
        let origin = match self.known.get(&(*wrapping, capture)) {
            Some(origin) => *origin,
            None if self.known.len() >= max => return None,
            None => self.learn(wrapping, capture, max),
        };
        self.last = Some((*wrapping, capture, origin));
        Some(origin)
    }

    fn learn(&mut self, wrapping: &Wrapping, capture: u32, max: usize) -> Origin {
        let (vni, inner) = (wrapping.vni, wrapping.inner_vnis);
        let (scope, source) = match wrapping.outer {
            None => (Scope::Capture(capture, vni, inner), capture),
            Some((from, to)) => {
                let ends = if from <= to { [from, to] } else { [to, from] };
                let source = self.number(from.ip().to_string().into(), max);
                (Scope::Tunnel(ends, vni, inner), source)
            }
        };
        let next = u32::try_from(self.scopes.len()).unwrap_or(u32::MAX);
        let origin = Origin {
            scope: *self.scopes.entry(scope).or_insert(next),
            source,
            vni,
        };
        self.known.insert((*wrapping, capture), origin);
        origin
    }

    fn number(&mut self, name: Arc<str>, max: usize) -> u32 {
        if let Some(number) = self.by_name.get(&name) {
            return *number;
        }
        match u32::try_from(self.names.len()) {
            Ok(number) if self.names.len() < max => {
                self.names.push(Arc::clone(&name));
                self.by_name.insert(name, number);
                number
            }
            _ => Self::OTHER,
        }
    }
}
