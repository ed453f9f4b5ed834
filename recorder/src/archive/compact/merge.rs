//! Segments that are in memory become one, in the order of time; no I/O.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use schema::merge::{self, Merge};
use schema::{
    Exchange, Keyring, Pushed, RecorderId, SealedSegment, SegmentBuilder, SegmentDecoder,
    SegmentKey, SegmentNumbers, SegmentOptions, Step, Table, TimeWindow, TwinCounts, TwinFinder,
};

use super::group::Group;

/// The first format whose halves say only where they lie if their message was whole.
const JOINABLE: (u32, u32) = (1, 4);

/// A new segment, and what became of the rows.
pub(super) struct Merged {
    pub(super) segment: SealedSegment,
    pub(super) counts: TwinCounts,
    pub(super) given_up: u64,
}

/// Makes one segment of a group.
///
/// # Errors
/// If a segment is damaged, the new one cannot be encoded, or it does not hold what it should when it is read back.
pub(super) fn merge(
    group: &Group,
    files: &[Bytes],
    keys: &Keyring,
    recorder: RecorderId,
    zstd_level: i32,
) -> anyhow::Result<Merged> {
    for (member, file) in group.members.iter().zip(files) {
        // A changed byte would be given a new checksum.
        let verified = schema::verify(file);
        verified.with_context(|| format!("{} is damaged", member.key))?;
    }
    let members = &group.members;
    let joinable = members
        .iter()
        .all(|member| member.footer.format >= JOINABLE);
    let mut finder = TwinFinder::default();
    each(group, files, keys, |exchange| {
        finder.handle(&exchange, joinable);
        Ok(())
    })?;
    let twins = finder.finish();
    let counts = twins.counts();
    let mut joiner = twins.apply();
    let mut builder = builder(group, keys, recorder, zstd_level);
    each(group, files, keys, |exchange| {
        joiner.handle(*exchange);
        while let Some(exchange) = joiner.poll() {
            let pushed = builder.push(*exchange)?;
            let stored = matches!(pushed, Pushed::Stored);
            ensure!(stored, "rows came out of the order of time");
        }
        Ok(())
    })?;
    let rows = counts.rows - counts.duplicates - counts.joined + joiner.given_up();
    let segment = seal(group, builder)?;
    check(&segment, keys, rows)?;
    Ok(Merged {
        segment,
        counts,
        given_up: joiner.given_up(),
    })
}

fn builder(group: &Group, keys: &Keyring, recorder: RecorderId, zstd_level: i32) -> SegmentBuilder {
    let footer = &group.members[0].footer;
    let one_spool = group
        .members
        .iter()
        .all(|member| member.footer.spool == footer.spool);
    let mut replaces = SegmentNumbers::default();
    for member in &group.members {
        let (name, number) = (member.key.recorder().as_str(), member.key.sequence());
        replaces.insert(name, number, number);
        replaces.extend(&member.footer.replaces);
    }
    let options = SegmentOptions {
        recorder,
        writer: concat!("recorder ", env!("CARGO_PKG_VERSION")).to_owned(),
        zstd_level,
        spool: footer.spool.clone().filter(|_| one_spool),
        sampling: footer.sampling.clone(),
        redaction: footer.redaction.clone(),
        replayed: false,
        keys: keys.clone(),
    };
    SegmentBuilder::new(options).replacing(replaces)
}

/// Seals the segment; one without rows spans what it takes the place of.
fn seal(group: &Group, builder: SegmentBuilder) -> anyhow::Result<SealedSegment> {
    if builder.rows() > 0 {
        return Ok(builder.seal(0)?.expect("a segment with rows is sealed"));
    }
    let keys = || group.members.iter().map(|member| &member.key);
    let start = keys().map(SegmentKey::start).min();
    let end = keys().map(SegmentKey::end).max();
    let (start, end) = start.zip(end).context("a group has members")?;
    Ok(builder.seal_empty(0, start, end)?)
}

/// Reads the new segment back.
fn check(segment: &SealedSegment, keys: &Keyring, rows: u64) -> anyhow::Result<()> {
    let read = schema::inspect(
        &Table::Exchanges,
        &segment.key,
        &segment.bytes,
        keys,
        |_| {},
    );
    let read = read.context("the new segment cannot be read back")?;
    ensure!(
        read.rows == rows && read.problems.is_empty(),
        "the new segment has {} rows instead of {rows}: {:?}; nothing was changed",
        read.rows,
        read.problems
    );
    Ok(())
}

/// Gives every row of the segments, in the order of time.
fn each(
    group: &Group,
    files: &[Bytes],
    keys: &Keyring,
    mut row: impl FnMut(Box<Exchange>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let starts: Vec<_> = group
        .members
        .iter()
        .map(|member| member.key.start())
        .collect();
    let mut merge = Merge::new(&starts);
    let mut decoders: Vec<Option<SegmentDecoder>> = files.iter().map(|_| None).collect();
    loop {
        match merge.poll() {
            merge::Step::Open(source) => {
                let len = files[source].len() as u64;
                let all = schema::Projection::All;
                decoders[source] = Some(SegmentDecoder::new(len, keys, TimeWindow::ALL, all));
            }
            merge::Step::NeedsBatch(source) => {
                let decoder = decoders[source]
                    .as_mut()
                    .context("the merge asks for segments that are open")?;
                let batch = next(decoder, &files[source]);
                let damaged = || format!("{} is damaged", group.members[source].key);
                match batch.with_context(damaged)? {
                    Some(batch) => merge.handle_batch(source, batch),
                    None => {
                        decoders[source] = None;
                        merge.handle_end(source);
                    }
                }
            }
            merge::Step::Exchange(exchange) => row(exchange)?,
            merge::Step::Finished => return Ok(()),
        }
    }
}

/// The next batch of a file; `None` at its end.
fn next(
    decoder: &mut SegmentDecoder,
    file: &Bytes,
) -> Result<Option<Vec<Exchange>>, schema::Error> {
    loop {
        match decoder.step()? {
            Step::NeedsData(ranges) => {
                let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                let slices = ranges
                    .iter()
                    .map(|range| index(range.start)..index(range.end));
                let data = slices.map(|range| file.slice(range)).collect();
                decoder.push(ranges, data)?;
            }
            Step::Exchanges(batch) => return Ok(Some(batch)),
            Step::Finished => return Ok(None),
        }
    }
}
