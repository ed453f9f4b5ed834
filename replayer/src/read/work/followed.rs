//! Reading what is recorded while it is, in place of a window.
//!
//! Positions still rise with each exchange: one that is late begins a new *pass*, as does a process that goes on. What a killed
//! process did is known by the ids of what it has stored; what may have been sent beyond, by the newest start that was leased.

use std::collections::HashMap;

use replayer_core::checkpoint::{Cursor, Position};
use replayer_core::follow::Next;
use replayer_core::rewrite::Skip;
use schema::{Completeness, Exchange, ExchangeId, Outcome, Timestamp};
use tokio::sync::mpsc;

use super::{BATCH_BYTES_MAX, BATCH_MAX, Filling, Work, doubt};
use crate::follow::{Fed, Feed, FeedParts};
use crate::read::{Batch, Planned, Resume, SendAgain};

/// What is followed.
pub(super) struct Followed {
    feed: Feed,
    /// The greatest start that was planned, by this process or another.
    newest: Timestamp,
    resumed: Option<Resumed>,
}

/// Of a run that goes on.
struct Resumed {
    /// What started up to here may have been sent.
    leased: Option<Timestamp>,
    /// What started up to here was counted, if the filters left it out.
    counted: Option<Timestamp>,
    /// Stored, and not counted.
    answered: HashMap<ExchangeId, Exchange>,
    send_again: SendAgain,
}

impl Followed {
    fn start(mut parts: FeedParts, resume: Option<Resume>) -> anyhow::Result<Self> {
        let Some(resume) = resume else {
            return Ok(Self {
                feed: Feed::start(parts)?,
                newest: Timestamp::MIN,
                resumed: None,
            });
        };
        let cursor = &resume.resumption.standing.cursor;
        let leased = resume.resumption.leased.map(|leased| leased.recorded);
        let stored = resume.stored.iter().map(|position| position.recorded);
        let newest = stored.chain(leased).max().unwrap_or(Timestamp::MIN);
        let resumed = parts.resumed.get_or_insert_default();
        let after = cursor.stream.as_deref();
        resumed.after = after.and_then(|after| after.parse().ok());
        let counted = cursor.after.map(|after| after.recorded);
        let answered = resume.answered.into_iter();
        let answered: HashMap<_, _> = answered
            .map(|(position, exchange)| (position.exchange, exchange))
            .collect();
        let known = resume.stored.iter();
        let known = known.filter(|position| !answered.contains_key(&position.exchange));
        resumed.remembered = known
            .map(|position| (position.recorded, position.exchange))
            .collect();
        resumed.floor = resume.stored_from;
        Ok(Self {
            feed: Feed::start(parts)?,
            newest,
            resumed: Some(Resumed {
                leased,
                counted,
                answered,
                send_again: resume.send_again,
            }),
        })
    }
}

impl Work {
    /// Hands over what is recorded until its end.
    pub(super) async fn follow(
        &mut self,
        parts: FeedParts,
        sender: &mpsc::Sender<anyhow::Result<Batch>>,
    ) -> anyhow::Result<()> {
        let resume = self.reading.resume.take();
        if let Some(resume) = &resume {
            self.go_on(resume);
        }
        let mut followed = Followed::start(parts, resume)?;
        loop {
            let before = self.cursor.clone();
            let mut filling = Filling::default();
            let more = self.fill_followed(&mut filling, &mut followed).await?;
            // A driver that has failed leaves them to a process that goes on, which may be given them to compare.
            if !more && !sender.is_closed() {
                self.recover_rest(&mut filling, &mut followed);
            }
            if !self.hand_over(before, filling, sender).await? || !more {
                return Ok(());
            }
        }
    }

    /// Takes over the counts of a killed process.
    fn go_on(&mut self, resume: &Resume) {
        let standing = &resume.resumption.standing;
        self.cursor = standing.cursor.clone();
        let Cursor {
            read,
            filtered_out,
            sendable,
            first,
            ..
        } = self.cursor;
        (self.read, self.filtered_out) = (read, filtered_out);
        (self.sendable, self.first) = (sendable, first);
        // What was settled after the cursor does not come again.
        let is_counted = |position: &&Position| {
            Some(**position) > standing.cursor.after && !resume.answered.contains_key(position)
        };
        self.read += resume.stored.iter().filter(is_counted).count() as u64;
        let passes = resume.stored.iter().map(|position| position.pass);
        let others = [
            standing.cursor.after,
            standing.reached,
            resume.resumption.leased,
        ];
        let others = others.into_iter().flatten().map(|position| position.pass);
        self.pass = passes.chain(others).max().unwrap_or(0) + 1;
    }

    /// Fills a batch; whether more may come.
    async fn fill_followed(
        &mut self,
        filling: &mut Filling,
        followed: &mut Followed,
    ) -> anyhow::Result<bool> {
        while filling.positions.len() < BATCH_MAX && filling.bytes < BATCH_BYTES_MAX {
            match followed.feed.next(filling.positions.is_empty()).await? {
                Fed::Exchange(next) => self.take(next, filling, followed),
                Fed::Pause => break,
                Fed::End => return Ok(false),
            }
        }
        Ok(true)
    }

    fn take(&mut self, next: Next, filling: &mut Filling, followed: &mut Followed) {
        let exchange = next.exchange;
        let start = exchange.start().to_micros_precision();
        if !self.reading.filter.keeps(&exchange) {
            let counted = followed
                .resumed
                .as_ref()
                .and_then(|resumed| resumed.counted);
            let is_new = counted.is_none_or(|counted| start > counted);
            self.read += u64::from(is_new);
            self.filtered_out += u64::from(is_new);
            return;
        }
        let after = self.cursor.after;
        let at = |pass| Position {
            pass,
            recorded: start,
            exchange: exchange.id(),
        };
        if after.is_some_and(|after| at(self.pass) <= after) {
            self.pass += 1;
        }
        let position = at(self.pass);
        let is_too_late = next.is_too_late;
        let (_, mut planned) = self.plan(exchange, position);
        followed.newest = followed.newest.max(start);
        if let Planned::Send(ready) = &mut planned {
            // A lease covers what started up to its position.
            ready.position.recorded = followed.newest;
        }
        self.read += 1;
        self.cursor = Cursor {
            after: Some(position),
            read: self.read,
            filtered_out: self.filtered_out,
            sendable: self.sendable,
            first: self.first,
            stream: followed
                .feed
                .settled_position()
                .map(|position| position.to_string())
                .or_else(|| self.cursor.stream.take()),
        };
        if let (true, Planned::Send(ready)) = (is_too_late, &planned) {
            let standing = ready.standing;
            if let Planned::Send(ready) = planned {
                planned = Planned::Skip(ready.recorded, Skip::TooLate, standing);
            }
        }
        self.place_followed(planned, position, filling, followed);
    }

    /// Adds an exchange to the batch, as it stands in a run that goes on.
    fn place_followed(
        &mut self,
        planned: Planned,
        position: Position,
        filling: &mut Filling,
        followed: &mut Followed,
    ) {
        let Some(resumed) = &mut followed.resumed else {
            return filling.add(planned, position);
        };
        if let Some(actual) = resumed.answered.remove(&position.exchange) {
            let recorded = match planned {
                Planned::Send(ready) => ready.recorded,
                Planned::Skip(recorded, ..) => recorded,
            };
            self.count_recovered(&actual);
            return filling.recover(recorded, actual, position);
        }
        let planned = match planned {
            Planned::Send(ready) if Some(position.recorded) <= resumed.leased => {
                let again = resumed.send_again.allows(&ready.request.method);
                doubt(ready, again)
            }
            planned => planned,
        };
        filling.add(planned, position);
    }

    /// What a killed process has stored and nobody gives again: its answers are counted, and cannot be judged.
    fn recover_rest(&mut self, filling: &mut Filling, followed: &mut Followed) {
        let Some(resumed) = &mut followed.resumed else {
            return;
        };
        for (id, actual) in std::mem::take(&mut resumed.answered) {
            let Some(replay) = &actual.replay else {
                continue;
            };
            self.pass += 1;
            let position = Position {
                pass: self.pass,
                recorded: replay.recorded_start,
                exchange: id,
            };
            let mut recorded = actual.clone();
            recorded.response = None;
            recorded.completeness = Completeness::NoResponse;
            recorded.replay = None;
            self.read += 1;
            self.count_recovered(&actual);
            self.cursor = Cursor {
                after: Some(position),
                read: self.read,
                ..self.cursor.clone()
            };
            filling.recover(Box::new(recorded), actual, position);
        }
    }

    pub(super) fn count_recovered(&mut self, actual: &Exchange) {
        let outcome = actual.replay.as_ref().map(|replay| replay.outcome);
        self.recovered[match outcome {
            Some(Outcome::Sent) | None => 0,
            Some(Outcome::Failed) => 1,
            Some(Outcome::Skipped) => 2,
        }] += 1;
    }
}
