//! What a replay does, without doing it: which exchanges, when, in which order, as what request, and whether the answer
//! is the recorded one. No clock, file, socket, thread or async is in here; the crate `replayer` drives it.
//!
//! In the order in which an exchange of the archive passes through:
//!
//! * [`window`]: which span of time is meant by "the last week" of an archive.
//! * [`merge`]: exchanges of many segments, each in time order, become one sequence in time order.
//! * [`filter`]: which of them are meant.
//! * [`proof`] and [`permission`]: whether the target may be sent to, and what.
//! * [`rewrite`]: the request as the target shall get it, or why it cannot be replayed.
//! * [`correlate`]: what the target issues in place of recorded values goes into later requests.
//! * [`shard`]: which of them are this machine's, where several share a window.
//! * [`follow`]: what comes while it is recorded, put into the order of time.
//! * [`pace`], [`order`] and [`scheduler`]: when each is due, what it has to follow, and what to do now.
//! * [`checkpoint`]: where a run stands, so that another process can go on with it.
//! * [`h1`]: what goes on the wire for a request, and what the bytes that come back mean.
//! * [`compare`]: whether the answer is the recorded one; [`endpoint`] and [`template`]: what is asked alike.
//! * [`report`]: what a run found and what it concludes, in bounded memory.
//! * [`join`], [`blame`], [`noise`], [`substituted`], [`rules`], [`ledger`] and [`verdict`]: what runs of two builds differ in, and
//!   whose it is; [`suggest`]: which rules that proposes; [`reproducer`]: a script that shows it.
//! * [`plan`] and [`coverage`]: what a window holds and how whole it is, before anything is sent.
//!
//! Every bound is in [`Limits`].

#![warn(missing_docs, clippy::cast_possible_truncation)]

pub mod blame;
pub mod checkpoint;
pub mod compare;
pub mod correlate;
pub mod endpoint;
pub mod follow;
pub mod h1;
pub mod join;
pub mod ledger;
mod limits;
mod line_diff;
pub mod location;
pub mod noise;
pub mod order;
pub mod pace;
mod percent;
pub mod permission;
pub mod plan;
mod pointer;
pub mod proof;
pub mod report;
pub mod reproducer;
pub mod rewrite;
pub mod rules;
pub mod scheduler;
pub mod shard;
pub mod substituted;
pub mod suggest;
pub mod template;
#[cfg(test)]
mod testing;
mod value;
pub mod verdict;

pub use limits::Limits;
// What the recorder asks of an archive too.
pub use schema::{coverage, filter, merge, window};
