//! `recorder archive compact`: small segments of an hour become large ones, halves are joined, and what was recorded twice is kept
//! once.
//!
//! An hour at a time, so that many machines can share a month by windows. In an hour, segments that lie beside one another in time are
//! taken together until they are as large as wanted; each such group gives way to one new segment (`swap`). The new one is read back before
//! that. Memory: about three times the wanted size. The ledger's segments, one a minute and recorder, become one an hour likewise.

mod group;
mod ledger;
mod merge;

use std::fmt::Write as _;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use object_store::ObjectStoreExt as _;
use schema::{SegmentKey, Table, TimeWindow};
use serde::Serialize;

use self::group::{Group, Member, groups};
use self::merge::Merged;
use super::swap::Place;
use super::{Found, bar, coverage, list, record, swap};
use crate::cli::CompactArgs;
use crate::store::Archive;
use crate::units::{ByteSize, count};

/// Footers and segments that are read at once.
const READS_AT_ONCE: usize = 8;

/// What is printed.
#[derive(Debug, Default, Serialize)]
struct Report {
    archive: String,
    dry_run: bool,
    /// Hours that were looked into, and those in which something changed.
    hours: u64,
    hours_changed: u64,
    /// Segments that gave way, and what took their place.
    segments_before: u64,
    segments_after: u64,
    bytes_before: u64,
    bytes_after: u64,
    rows_before: u64,
    rows_after: u64,
    /// Rows that were left out because another one is the same exchange.
    duplicates: u64,
    /// Answers that were joined with their requests.
    joined: u64,
    /// Joins that were not made because too much would have waited in memory.
    joins_given_up: u64,
    /// Segments of the ledger that gave way, and what took their place.
    ledger_segments_before: u64,
    ledger_segments_after: u64,
    ledger_bytes_before: u64,
    ledger_bytes_after: u64,
    /// Where nothing was done, and why.
    problems: Vec<String>,
}

/// Compacts the archive, or the window of it.
///
/// # Errors
/// If the archive cannot be listed or changed. What was compacted before stays so; what was begun is finished by the next.
pub(super) async fn run(archive: &Archive, args: &CompactArgs) -> anyhow::Result<Found> {
    let window = coverage::window(archive, &args.window).await?;
    let window = window.unwrap_or(TimeWindow::ALL);
    let mut report = Report {
        archive: archive.shown.clone(),
        dry_run: args.dry_run,
        ..Report::default()
    };
    let bar = bar(!args.output.quiet, 0);
    for table in [Table::Exchanges, Table::Capture] {
        compact(archive, args, &table, window, &bar, &mut report).await?;
    }
    bar.finish_and_clear();
    Ok(Found {
        text: text(&report),
        complete: report.problems.is_empty(),
        json: serde_json::to_value(&report)?,
    })
}

/// Compacts a table, an hour at a time.
async fn compact(
    archive: &Archive,
    args: &CompactArgs,
    table: &Table,
    window: TimeWindow,
    bar: &ProgressBar,
    report: &mut Report,
) -> anyhow::Result<()> {
    // Recorders still publish into hours that are not over for long.
    let closed = record::now().saturating_sub(args.min_age);
    for folder in list::days(archive, table, window).await? {
        let settled = swap::settled(archive, table, &folder, window, args.lease).await?;
        for hour in &settled.busy {
            let place = table.hour_prefix(*hour);
            let text = "another command is changing segments here, or was broken off: run this again later";
            report.problems.push(format!("{place}: {text}"));
        }
        for (hour, found) in settled.day.hours {
            if !args.min_age.is_zero() && hour.saturating_add(list::HOUR) > closed {
                continue;
            }
            bar.inc_length(found.segments.iter().map(|object| object.bytes).sum());
            let place = Place {
                archive,
                table,
                hour,
            };
            let compaction = Compaction {
                archive,
                args,
                place,
            };
            let done = match table {
                Table::Capture => compaction.ledger(&found.segments, report).await,
                _ => compaction.exchanges(&found.segments, report).await,
            };
            if let Err(error) = done {
                let place = table.hour_prefix(hour);
                report.problems.push(format!("{place}: {error:#}"));
            }
            bar.inc(found.segments.iter().map(|object| object.bytes).sum());
        }
    }
    Ok(())
}

/// The work in one hour.
struct Compaction<'a> {
    archive: &'a Archive,
    args: &'a CompactArgs,
    place: Place<'a>,
}

impl Compaction<'_> {
    async fn exchanges(
        &self,
        segments: &[list::Object],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        report.hours += 1;
        let before = report.segments_before;
        let done = self.hour(segments, report).await;
        report.hours_changed += u64::from(report.segments_before > before);
        done
    }

    async fn hour(&self, segments: &[list::Object], report: &mut Report) -> anyhow::Result<()> {
        if segments.len() < 2 {
            return Ok(());
        }
        let members = stream::iter(segments)
            .map(|object| self.member(object))
            .buffered(READS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        for group in groups(members, self.args.segment_bytes.0) {
            self.group(group, report).await?;
        }
        Ok(())
    }

    async fn member(&self, object: &list::Object) -> anyhow::Result<Member> {
        let table = self.place.table;
        let footer = record::footer(self.archive, table, &object.key).await?;
        let footer = footer.with_context(|| format!("{} went meanwhile", object.key))?;
        Ok(Member {
            key: object.key.clone(),
            bytes: object.bytes,
            footer,
        })
    }

    /// Lets one segment take the place of a group.
    async fn group(&self, group: Group, report: &mut Report) -> anyhow::Result<()> {
        let before: u64 = group.members.iter().map(|member| member.bytes).sum();
        let rows: u64 = group.members.iter().map(|member| member.footer.rows).sum();
        let keys: Vec<SegmentKey> = group
            .members
            .iter()
            .map(|member| member.key.clone())
            .collect();
        if !self.args.dry_run {
            let files = stream::iter(&keys)
                .map(|key| self.read(key))
                .buffered(READS_AT_ONCE)
                .try_collect::<Vec<Bytes>>()
                .await?;
            let recorder = format!("{}{:016x}", record::COMPACT, swap::random()).parse()?;
            let level = self.args.level;
            let ring = self.archive.keys.clone();
            let merge = move || merge::merge(&group, &files, &ring, recorder, level);
            let merged = tokio::task::spawn_blocking(merge).await;
            let merged: Merged = merged.context("merging segments panicked")??;
            self.place.swap(&keys, &merged.segment).await?;
            report.bytes_after += merged.segment.bytes.len() as u64;
            report.rows_after += merged.segment.rows as u64;
            report.duplicates += merged.counts.duplicates;
            report.joined += merged.counts.joined - merged.given_up;
            report.joins_given_up += merged.given_up;
        }
        report.segments_before += keys.len() as u64;
        report.segments_after += 1;
        report.bytes_before += before;
        report.rows_before += rows;
        Ok(())
    }

    async fn read(&self, key: &SegmentKey) -> anyhow::Result<Bytes> {
        let path = self.archive.path(&self.place.table.path(key));
        let read = || format!("cannot read {path} of {}", self.archive.place);
        let object = self.archive.store.get(&path).await.with_context(read)?;
        object.bytes().await.with_context(read)
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\n", report.archive);
    let verb = if report.dry_run { "would give" } else { "gave" };
    let _ = writeln!(
        text,
        "{} segments of {} hours {verb} way to {}; {} hours were looked into",
        count(report.segments_before),
        count(report.hours_changed),
        count(report.segments_after),
        count(report.hours),
    );
    if !report.dry_run && report.segments_before > 0 {
        let _ = writeln!(
            text,
            "{} became {}; {} rows became {}: {} duplicates left out, {} answers joined with their requests",
            ByteSize(report.bytes_before),
            ByteSize(report.bytes_after),
            count(report.rows_before),
            count(report.rows_after),
            count(report.duplicates),
            count(report.joined),
        );
    }
    if report.ledger_segments_before > 0 {
        let (before, after) = (report.ledger_segments_before, report.ledger_segments_after);
        let (before, after) = (count(before), count(after));
        let _ = writeln!(
            text,
            "{before} segments of the ledger {verb} way to {after}"
        );
    }
    if report.joins_given_up > 0 {
        let given_up = count(report.joins_given_up);
        let _ = writeln!(
            text,
            "{given_up} joins were not made: too much would have waited in memory"
        );
    }
    if !report.problems.is_empty() {
        let _ = writeln!(text, "\nNot done:");
        for problem in &report.problems {
            let _ = writeln!(text, "  {problem}");
        }
    }
    text
}
