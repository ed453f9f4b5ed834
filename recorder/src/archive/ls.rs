//! `recorder archive ls`: what an archive holds, from listings alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use schema::{Table, TimeWindow, Timestamp};
use serde::Serialize;

use super::{Found, list};
use crate::cli::LsArgs;
use crate::store::Archive;
use crate::units::{ByteSize, count};

/// What is printed.
#[derive(Debug, Default, Serialize)]
struct Listing {
    archive: String,
    /// Days, or hours.
    parts: Vec<Part>,
    segments: u64,
    bytes: u64,
    ledger_segments: u64,
    ledger_bytes: u64,
    /// Files in the folders of exchanges and ledger that are no segments in their place.
    strangers: Vec<String>,
    runs: Vec<Folder>,
    comparisons: Vec<Folder>,
}

/// A day or an hour.
#[derive(Debug, Default, Serialize)]
struct Part {
    /// Its start, RFC 3339.
    start: String,
    segments: u64,
    bytes: u64,
    /// The starts of the first and the last exchange, RFC 3339; null without any.
    first: Option<String>,
    last: Option<String>,
    recorders: BTreeSet<String>,
    ledger_segments: u64,
    ledger_bytes: u64,
}

/// A run or a comparison.
#[derive(Debug, Serialize)]
struct Folder {
    name: String,
    objects: u64,
    bytes: u64,
}

/// Lists the archive, or the window of it.
///
/// # Errors
/// If it cannot be listed, or the window is none.
pub(super) async fn run(archive: &Archive, args: &LsArgs) -> anyhow::Result<Found> {
    let window = super::coverage::window(archive, &args.window).await?;
    let window = window.unwrap_or(TimeWindow::ALL);
    let mut parts: BTreeMap<Timestamp, Part> = BTreeMap::new();
    let mut listing = Listing {
        archive: archive.shown.clone(),
        ..Listing::default()
    };
    for table in [Table::Exchanges, Table::Capture] {
        for folder in list::days(archive, &table, window).await? {
            let day = list::day(archive, &folder, window).await?;
            let strangers = day.strangers.iter().map(ToString::to_string);
            listing.strangers.extend(strangers);
            for (hour, found) in &day.hours {
                let start = if args.hours {
                    *hour
                } else {
                    start_of_day(*hour)
                };
                parts.entry(start).or_default().add(&table, &found.segments);
            }
        }
    }
    listing.add_parts(parts);
    if args.window.span().is_none() {
        listing.runs = folders(archive, "runs").await?;
        listing.comparisons = folders(archive, "comparisons").await?;
    }
    Ok(Found {
        text: text(&listing, args.hours),
        json: serde_json::to_value(&listing)?,
        complete: true,
    })
}

impl Part {
    fn add(&mut self, table: &Table, segments: &[list::Object]) {
        let bytes: u64 = segments.iter().map(|object| object.bytes).sum();
        if *table == Table::Capture {
            self.ledger_segments += segments.len() as u64;
            self.ledger_bytes += bytes;
            return;
        }
        self.segments += segments.len() as u64;
        self.bytes += bytes;
        for object in segments {
            let (first, last) = (object.key.start().to_string(), object.key.end().to_string());
            // Texts of times sort as the times do.
            if self.first.as_ref().is_none_or(|known| *known > first) {
                self.first = Some(first);
            }
            if self.last.as_ref().is_none_or(|known| *known < last) {
                self.last = Some(last);
            }
            let recorder = object.key.recorder().as_str();
            if !self.recorders.contains(recorder) {
                self.recorders.insert(recorder.to_owned());
            }
        }
    }
}

impl Listing {
    fn add_parts(&mut self, parts: BTreeMap<Timestamp, Part>) {
        for (start, part) in parts {
            self.segments += part.segments;
            self.bytes += part.bytes;
            self.ledger_segments += part.ledger_segments;
            self.ledger_bytes += part.ledger_bytes;
            let start = start.to_string();
            self.parts.push(Part { start, ..part });
        }
    }
}

fn start_of_day(hour: Timestamp) -> Timestamp {
    const DAY: u64 = 86_400_000_000_000;
    Timestamp::from_nanos(hour.as_nanos() / DAY * DAY)
}

/// The folders right below `parent`, with what they hold.
async fn folders(archive: &Archive, parent: &str) -> anyhow::Result<Vec<Folder>> {
    let parent = archive.path(parent);
    let cannot = || format!("cannot list {parent} of {}", archive.place);
    let listing = archive.store.list_with_delimiter(Some(&parent)).await;
    let mut folders = Vec::new();
    for folder in listing.with_context(cannot)?.common_prefixes {
        let mut found = Folder {
            name: folder.filename().unwrap_or_default().to_owned(),
            objects: 0,
            bytes: 0,
        };
        let mut objects = archive.store.list(Some(&folder));
        while let Some(object) = objects.try_next().await.with_context(cannot)? {
            found.objects += 1;
            found.bytes += object.size;
        }
        folders.push(found);
    }
    folders.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(folders)
}

fn text(listing: &Listing, hours: bool) -> String {
    let mut text = String::new();
    write_text(&mut text, listing, hours).expect("writing to a string cannot fail");
    text
}

fn write_text(text: &mut String, listing: &Listing, hours: bool) -> std::fmt::Result {
    writeln!(text, "{}\n", listing.archive)?;
    if listing.parts.is_empty() {
        writeln!(text, "No segments.")?;
    } else {
        let unit = if hours { "hour" } else { "day" };
        writeln!(
            text,
            "{unit:<16}  {:>9}  {:>10}  {:>15}  {:>7}  recorders",
            "segments", "size", "from, to", "ledger"
        )?;
    }
    for part in &listing.parts {
        let times = part.first.as_deref().zip(part.last.as_deref());
        let times = times.map_or_else(String::new, |(first, last)| {
            format!("{} {}", clock(first), clock(last))
        });
        let start = if hours {
            part.start.get(..16)
        } else {
            part.start.get(..10)
        };
        let recorders: Vec<&str> = part.recorders.iter().map(String::as_str).collect();
        writeln!(
            text,
            "{:<16}  {:>9}  {:>10}  {times:>15}  {:>7}  {}",
            start.unwrap_or_default().replace('T', " "),
            count(part.segments),
            ByteSize(part.bytes).to_string(),
            count(part.ledger_segments),
            few(&recorders),
        )?;
    }
    if listing.parts.len() > 1 {
        writeln!(
            text,
            "{:<16}  {:>9}  {:>10}  {:>15}  {:>7}",
            "all",
            count(listing.segments),
            ByteSize(listing.bytes).to_string(),
            "",
            count(listing.ledger_segments),
        )?;
    }
    for (title, folders) in [("run", &listing.runs), ("comparison", &listing.comparisons)] {
        if folders.is_empty() {
            continue;
        }
        writeln!(text, "\n{title:<40}  {:>7}  {:>10}", "files", "size")?;
        for folder in folders {
            let size = ByteSize(folder.bytes).to_string();
            writeln!(
                text,
                "{:<40}  {:>7}  {size:>10}",
                folder.name,
                count(folder.objects)
            )?;
        }
    }
    if !listing.strangers.is_empty() {
        writeln!(text, "\nNot segments, or not in their place:")?;
        for stranger in &listing.strangers {
            writeln!(text, "  {stranger}")?;
        }
    }
    Ok(())
}

/// Hours and minutes of a time.
fn clock(time: &str) -> &str {
    time.get(11..16).unwrap_or_default()
}

/// The first three, and how many more.
fn few(names: &[&str]) -> String {
    let shown = names[..names.len().min(3)].join(", ");
    match names.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
