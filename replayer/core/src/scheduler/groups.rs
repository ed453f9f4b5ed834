//! Which requests wait for which answers.
//!
//! A group (a connection, a session) keeps an order among its requests: one waits for all earlier ones whose answer had
//! come, in the recording, before it was sent. Let each request have a start and an end; then it may go as soon as no open
//! request of its group has an end below its start. Requests come in order of their starts, so those that wait are released
//! in that order, and only the least end of the group has to be known.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;
use schema::Timestamp;

/// Where a request stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It waits for nothing.
    Free,
    /// After the answers to all earlier requests of its group: what one HTTP/1.1 connection can do.
    InTurn {
        /// The group.
        group: u64,
    },
    /// After the answers that had ended before it began.
    AfterSeen {
        /// The group.
        group: u64,
        /// When the request began, as recorded; not before that of an earlier one of the group.
        start: Timestamp,
        /// When its answer had ended, as recorded; `None` if no answer was seen.
        end: Option<Timestamp>,
    },
}

impl Place {
    /// The group, if it has one.
    #[must_use]
    pub const fn group(self) -> Option<u64> {
        match self {
            Self::Free => None,
            Self::InTurn { group } | Self::AfterSeen { group, .. } => Some(group),
        }
    }
}

/// A dispatched request, for its completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Ticket(Option<Member>);

/// A request of a group. `start` and `end` are of one scale within a group: times, or numbers of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    group: u64,
    start: u64,
    end: u64,
    /// Its number among all requests.
    number: u64,
}

/// A request on its way through the scheduler.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) item: T,
    /// `None` until its turn comes, with [`crate::pace::Pace::Max`].
    pub(super) due: Option<Timestamp>,
    member: Option<Member>,
}

impl<T> Entry<T> {
    /// The `number`th request, from 0.
    pub(super) fn new(item: T, place: Place, number: u64, due: Option<Timestamp>) -> Self {
        let member = |group, start, end| Member {
            group,
            start,
            end,
            number,
        };
        Self {
            item,
            due,
            member: match place {
                Place::Free => None,
                Place::InTurn { group } => Some(member(group, number, number)),
                Place::AfterSeen { group, start, end } => Some(member(
                    group,
                    start.as_nanos(),
                    end.map_or(u64::MAX, Timestamp::as_nanos),
                )),
            },
        }
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.member)
    }
}

/// Every group with an open request.
#[derive(Debug)]
pub(super) struct Groups<T> {
    groups: FxHashMap<u64, Group<T>>,
    waiting: usize,
}

/// One group. What is open is dispatched and not completed, or waits.
#[derive(Debug)]
struct Group<T> {
    /// End and number of each open request.
    ends: BTreeSet<(u64, u64)>,
    /// Those among them that wait, in order of their starts.
    waiting: VecDeque<Entry<T>>,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Self {
            groups: FxHashMap::default(),
            waiting: 0,
        }
    }
}

impl<T> Groups<T> {
    /// Whether an open request has to be answered before `entry` may go.
    pub(super) fn has_to_wait(&self, entry: &Entry<T>) -> bool {
        let group = entry
            .member
            .and_then(|member| Some((member, self.groups.get(&member.group)?)));
        group.is_some_and(|(member, group)| group.holds_back(&member))
    }

    /// Notes that `entry` is dispatched.
    pub(super) fn open(&mut self, entry: &Entry<T>) {
        if let Some(member) = entry.member {
            self.group(&member).ends.insert((member.end, member.number));
        }
    }

    /// Takes an entry that has to wait.
    pub(super) fn wait(&mut self, entry: Entry<T>) {
        let member = entry.member.expect("only a member of a group waits");
        let group = self.group(&member);
        group.ends.insert((member.end, member.number));
        group.waiting.push_back(entry);
        self.waiting += 1;
    }

    /// Notes that a dispatched request has ended, and gives out those that waited for it.
    pub(super) fn close(&mut self, ticket: Ticket, mut release: impl FnMut(Entry<T>)) {
        let Some(member) = ticket.0 else { return };
        let Some(group) = self.groups.get_mut(&member.group) else {
            debug_assert!(false, "a completion in a group that has nothing open");
            return;
        };
        group.ends.remove(&(member.end, member.number));
        while let Some(first) = group.waiting.front() {
            let waits = first.member.expect("only a member of a group waits");
            if group.holds_back(&waits) {
                break;
            }
            self.waiting -= 1;
            release(group.waiting.pop_front().expect("it has a front"));
        }
        if group.ends.is_empty() {
            self.groups.remove(&member.group);
        }
    }

    /// Takes out everything that waits.
    pub(super) fn take_waiting(&mut self) -> Vec<Entry<T>> {
        self.waiting = 0;
        let mut taken = Vec::new();
        for group in self.groups.values_mut() {
            for entry in group.waiting.drain(..) {
                let member = entry.member.expect("only a member of a group waits");
                group.ends.remove(&(member.end, member.number));
                taken.push(entry);
            }
        }
        taken
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    fn group(&mut self, member: &Member) -> &mut Group<T> {
        self.groups.entry(member.group).or_insert_with(|| Group {
            ends: BTreeSet::new(),
            waiting: VecDeque::new(),
        })
    }
}

impl<T> Group<T> {
    fn holds_back(&self, member: &Member) -> bool {
        self.ends
            .first()
            .is_some_and(|&(end, _)| end < member.start)
    }
}
