//! Which requests wait for which answers.
//!
//! A group (a connection, a session) keeps an order among its requests: one waits for all earlier ones whose answer had
//! come, in the recording, before it was sent. Let each request have a start and an end; then it may go as soon as no open
//! request of its group has an end below its start. Requests come in order of their starts, so those that wait are released
//! in that order, and only the least end of the group has to be known. A request may look at a second group, which it is no
//! member of: it waits there first, and nobody there waits for it.

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
        /// Another group whose answers it follows, too.
        other: Option<u64>,
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
    /// The group that it follows beside its own.
    other: Option<u64>,
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
        let other = match place {
            Place::AfterSeen { other, .. } => other,
            Place::Free | Place::InTurn { .. } => None,
        };
        Self {
            item,
            due,
            other,
            member: match place {
                Place::Free => None,
                Place::InTurn { group } => Some(member(group, number, number)),
                Place::AfterSeen {
                    group, start, end, ..
                } => Some(member(
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

    /// Of an entry that waits.
    fn member(&self) -> Member {
        self.member.expect("only a member of a group waits")
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
    /// Those among them that wait, and those of other groups that wait for what is open here, in order of their starts.
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
        entry.member.is_some_and(|member| {
            self.holds_back(member.group, &member)
                || (entry.other).is_some_and(|other| self.holds_back(other, &member))
        })
    }

    fn holds_back(&self, group: u64, member: &Member) -> bool {
        let group = self.groups.get(&group);
        group.is_some_and(|group| group.holds_back(member))
    }

    /// Notes that `entry` is dispatched.
    pub(super) fn open(&mut self, entry: &Entry<T>) {
        if let Some(member) = entry.member {
            self.group(&member).ends.insert((member.end, member.number));
        }
    }

    /// Takes an entry that has to wait.
    pub(super) fn wait(&mut self, entry: Entry<T>) {
        let member = entry.member();
        self.group(&member).ends.insert((member.end, member.number));
        let other = entry.other.filter(|&other| self.holds_back(other, &member));
        let group = other.unwrap_or(member.group);
        let group = self.groups.get_mut(&group);
        let group = group.expect("what holds an entry back is there");
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
        while let Some(entry) = self.pop_free(member.group) {
            let own = entry.member();
            if own.group != member.group && self.holds_back(own.group, &own) {
                self.group(&own).wait_in_order(entry);
                continue;
            }
            self.waiting -= 1;
            release(entry);
        }
        let group = self.groups.get(&member.group);
        if group.is_some_and(|group| group.ends.is_empty()) {
            self.groups.remove(&member.group);
        }
    }

    /// The first that waits in a group and need not any more.
    fn pop_free(&mut self, group: u64) -> Option<Entry<T>> {
        let group = self.groups.get_mut(&group)?;
        let first = group.waiting.front()?;
        match group.holds_back(&first.member()) {
            true => None,
            false => group.waiting.pop_front(),
        }
    }

    /// Takes out everything that waits.
    pub(super) fn take_waiting(&mut self) -> Vec<Entry<T>> {
        self.waiting = 0;
        let mut taken = Vec::new();
        for group in self.groups.values_mut() {
            taken.extend(group.waiting.drain(..));
        }
        for entry in &taken {
            let member = entry.member();
            self.group(&member)
                .ends
                .remove(&(member.end, member.number));
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
    /// Takes an entry that has waited elsewhere: later ones may be here already.
    fn wait_in_order(&mut self, entry: Entry<T>) {
        let key = |entry: &Entry<T>| (entry.member().start, entry.member().number);
        let at = self
            .waiting
            .partition_point(|other| key(other) < key(&entry));
        self.waiting.insert(at, entry);
    }

    fn holds_back(&self, member: &Member) -> bool {
        self.ends
            .first()
            .is_some_and(|&(end, _)| end < member.start)
    }
}
