//! A window minute by minute and source by source: what was recorded, what was not, and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::MINUTE;
use crate::exchange::words;
use crate::{LedgerRow, RecorderId, Timestamp};

/// Sources that are told apart; all others are one.
const SOURCES_MAX: usize = 64;

words! {
    /// What became of the traffic of a minute: the worst that happened in it. Later ones are worse.
    State, "a state such as whole or dropped", {
        /// A recorder was there, and nothing came.
        Quiet = "quiet",
        /// Everything that came was recorded.
        Whole = "whole",
        /// Sampling or filters left exchanges out: by choice, not lost. Counted in exchanges.
        LeftOut = "left_out",
        /// The mirror lost bytes of TCP streams. Counted in bytes.
        Gaps = "gaps",
        /// The mirror cut frames. Counted in frames.
        Truncated = "truncated",
        /// A socket or a NIC dropped frames, or the recorder let go of them. Counted in frames.
        Dropped = "dropped",
        /// One recorder was down while another one recorded. Counted in recorders.
        RecorderDown = "recorder_down",
        /// A recorder ended without being told to. Counted in ends.
        Interrupted = "interrupted",
        /// Exchanges were lost after they were recorded: the spool was full, or damaged. Counted in exchanges.
        Lost = "lost",
        /// No recorder was there.
        NotRecorded = "not_recorded",
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A window minute by minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// All sources together.
    pub all: Lane,
    /// Each source of each recorder, those with the most frames first; at most 64, and behind them all others as one.
    pub sources: Vec<Lane>,
    /// How many sources there are.
    pub sources_total: u64,
}

/// One source over the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Who recorded it; null for several.
    pub recorder: Option<String>,
    /// Mirrored interface or capture file; null for several, or where nothing came at all.
    pub source: Option<String>,
    /// Network id.
    pub vni: Option<u32>,
    /// Frames received.
    pub frames: u64,
    /// Exchanges stored.
    pub exchanges: u64,
    /// The window, from its first minute to its last: minutes of the same state are one stretch.
    pub stretches: Vec<Stretch>,
}

/// Minutes that follow one another and have the same state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Start of the first minute, RFC 3339.
    pub from: String,
    /// End of the last minute, RFC 3339.
    pub to: String,
    /// How many minutes it has.
    pub minutes: u64,
    /// What became of their traffic.
    pub state: State,
    /// Frames received.
    pub frames: u64,
    /// Exchanges stored.
    pub exchanges: u64,
    /// Everything that was not recorded, or lost, in these minutes; the state is the worst of it.
    pub losses: Vec<Loss>,
}

/// One kind of loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Which.
    pub cause: State,
    /// How much, in the unit of the cause.
    pub count: u64,
}

/// What is counted by minute, in this order, behind frames and exchanges.
const CAUSES: [State; 7] = [
    State::LeftOut,
    State::Gaps,
    State::Truncated,
    State::Dropped,
    State::RecorderDown,
    State::Interrupted,
    State::Lost,
];
const DOWN: usize = 4;

/// The counts of one minute: none is above 2^32 - 1.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    frames: u32,
    exchanges: u32,
    losses: [u32; CAUSES.len()],
}

impl Minute {
    fn add(&mut self, row: &LedgerRow) {
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        self.frames = self.frames.saturating_add(small(row.frames));
        self.exchanges = self.exchanges.saturating_add(small(row.exchanges));
        let losses = [
            row.exchanges_sampled_out,
            // A gap of unknown length is one all the same.
            row.gap_bytes.max(row.gaps),
            row.frames_truncated,
            row.frames_dropped,
            0,
            row.interruptions,
            row.exchanges_shed,
        ];
        for (sum, count) in self.losses.iter_mut().zip(losses) {
            *sum = sum.saturating_add(small(count));
        }
    }

    fn state(&self) -> State {
        let worst = CAUSES.iter().zip(self.losses).rev();
        match worst.into_iter().find(|(_, count)| *count > 0) {
            Some((cause, _)) => *cause,
            None if self.frames == 0 && self.exchanges == 0 => State::Quiet,
            None => State::Whole,
        }
    }
}

/// Counts by the minutes of a window that have any.
type Minutes = BTreeMap<u32, Minute>;
/// Recorder, source and network.
type Source = (RecorderId, Option<String>, Option<u32>);

/// Rows in, a timeline out.
#[derive(Debug, Default)]
pub(super) struct TimelineBuilder {
    /// The minutes that each recorder lived through.
    alive: BTreeMap<RecorderId, BTreeSet<u32>>,
    all: Minutes,
    sources: BTreeMap<Source, Minutes>,
    /// Sources beyond the bound, and what they are together.
    others: BTreeSet<Source>,
    other: Minutes,
}

impl TimelineBuilder {
    pub(super) fn add(&mut self, minute: u32, recorder: &RecorderId, row: &LedgerRow) {
        self.all.entry(minute).or_default().add(row);
        match self.alive.get_mut(recorder) {
            Some(minutes) => {
                minutes.insert(minute);
            }
            None => drop(self.alive.insert(recorder.clone(), [minute].into())),
        }
        let source = (
            recorder.clone(),
            row.source.clone(),
            row.vni.map(crate::Vni::get),
        );
        if row.source.is_none() && row.frames == 0 && row.exchanges == 0 && row.interruptions == 0 {
            // The recorder was there and nothing came: a lane of its own would say no more than the others.
            return;
        }
        let lane = if self.sources.len() < SOURCES_MAX || self.sources.contains_key(&source) {
            self.sources.entry(source).or_default()
        } else {
            self.others.insert(source);
            &mut self.other
        };
        lane.entry(minute).or_default().add(row);
    }

    /// The minutes that any recorder lived through.
    pub(super) fn recorded(&self) -> BTreeSet<u32> {
        self.all.keys().copied().collect()
    }

    pub(super) fn recorders(&self) -> Vec<String> {
        self.alive.keys().map(ToString::to_string).collect()
    }

    /// Minutes that one recorder lacks between its first and its last while another one recorded.
    pub(super) fn recorder_minutes_missing(&self) -> u64 {
        self.down().count() as u64
    }

    fn down(&self) -> impl Iterator<Item = u32> {
        self.alive.values().flat_map(|alive| {
            // A recorder is there with its first minute.
            let first = alive.first().copied().unwrap_or_default();
            let last = alive.last().copied().unwrap_or_default();
            let recorded = self.all.range(first..=last).map(|(minute, _)| *minute);
            recorded.filter(|minute| !alive.contains(minute))
        })
    }

    pub(super) fn finish(mut self, start: Timestamp, minutes: u32) -> Timeline {
        let down: Vec<u32> = self.down().collect();
        for minute in down {
            if let Some(minute) = self.all.get_mut(&minute) {
                minute.losses[DOWN] += 1;
            }
        }
        let window = Window { start, minutes };
        let recorded = self.recorded();
        let mut sources: Vec<Lane> = self
            .sources
            .iter()
            .map(|((recorder, source, vni), counts)| Lane {
                recorder: Some(recorder.to_string()),
                source: source.clone(),
                vni: *vni,
                ..window.lane(counts, &self.alive[recorder])
            })
            .collect();
        sources.sort_by_key(|lane| std::cmp::Reverse(lane.frames));
        if !self.other.is_empty() {
            sources.push(window.lane(&self.other, &recorded));
        }
        Timeline {
            all: window.lane(&self.all, &recorded),
            sources,
            sources_total: (self.sources.len() + self.others.len()) as u64,
        }
    }
}

/// The minutes of a window.
struct Window {
    start: Timestamp,
    minutes: u32,
}

impl Window {
    /// The lane of `counts`, whose recorder lived through the minutes `alive`.
    fn lane(&self, counts: &Minutes, alive: &BTreeSet<u32>) -> Lane {
        let mut stretches = Vec::new();
        let mut expected = 0;
        for &minute in alive {
            self.push(
                &mut stretches,
                expected,
                minute,
                State::NotRecorded,
                &Minute::default(),
            );
            let here = counts.get(&minute).copied().unwrap_or_default();
            self.push(&mut stretches, minute, minute + 1, here.state(), &here);
            expected = minute + 1;
        }
        self.push(
            &mut stretches,
            expected,
            self.minutes,
            State::NotRecorded,
            &Minute::default(),
        );
        Lane {
            recorder: None,
            source: None,
            vni: None,
            frames: stretches.iter().map(|stretch| stretch.frames).sum(),
            exchanges: stretches.iter().map(|stretch| stretch.exchanges).sum(),
            stretches,
        }
    }

    /// Adds the minutes from `from` up to `to`, all of which together have `counts`.
    fn push(
        &self,
        stretches: &mut Vec<Stretch>,
        from: u32,
        to: u32,
        state: State,
        counts: &Minute,
    ) {
        if from >= to {
            return;
        }
        let at = |minute: u32| self.start.saturating_add(MINUTE * minute).to_string();
        if stretches.last().is_none_or(|last| last.state != state) {
            stretches.push(Stretch {
                from: at(from),
                to: String::new(),
                minutes: 0,
                state,
                frames: 0,
                exchanges: 0,
                losses: Vec::new(),
            });
        }
        let stretch = stretches.last_mut().expect("one was pushed");
        stretch.to = at(to);
        stretch.minutes += u64::from(to - from);
        stretch.frames += u64::from(counts.frames);
        stretch.exchanges += u64::from(counts.exchanges);
        for (&cause, &count) in CAUSES.iter().zip(&counts.losses) {
            if count == 0 {
                continue;
            }
            let count = u64::from(count);
            match stretch.losses.iter_mut().find(|loss| loss.cause == cause) {
                Some(loss) => loss.count += count,
                None => stretch.losses.push(Loss { cause, count }),
            }
        }
    }
}
