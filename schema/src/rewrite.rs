//! A segment again, without some of its rows; and which rows those would be.

use bytes::Bytes;

use crate::{
    Error, Exchange, ExchangeId, FooterStep, Keyring, Projection, Pushed, RecorderId,
    SealedSegment, SegmentBuilder, SegmentKey, SegmentOptions, TimeWindow, decode_segment,
    read_footer,
};

/// A segment that takes the place of one that held rows to erase.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// The new segment; it may have no rows.
    pub segment: SealedSegment,
    /// The exchanges that are not in it any more.
    pub erased: Vec<ExchangeId>,
}

/// The exchanges of the segment `file` that `choose` chooses, in order. Of each, what `projection` leaves out is not read.
///
/// # Errors
/// If the segment cannot be read.
pub fn chosen_rows(
    file: &Bytes,
    keys: &Keyring,
    projection: Projection,
    choose: impl Fn(&Exchange) -> bool,
) -> Result<Vec<ExchangeId>, Error> {
    let mut chosen = Vec::new();
    decode_segment(file, keys, TimeWindow::ALL, projection, |exchange| {
        if choose(&exchange) {
            chosen.push(exchange.id());
        }
    })?;
    Ok(chosen)
}

/// The segment `file`, which lies under `key`, without the rows that `erase` chooses; `None` if it chooses none. The new one is
/// written by `recorder` under number 0, keeps what the old one said about its rows, and names it as replaced.
///
/// # Errors
/// If the old segment cannot be read, or the new one not be encoded.
pub fn rewrite_segment(
    key: &SegmentKey,
    file: &Bytes,
    keys: &Keyring,
    recorder: &RecorderId,
    writer: &str,
    erase: impl Fn(&Exchange) -> bool,
) -> Result<Option<Rewritten>, Error> {
    let FooterStep::Footer(footer) = read_footer(file, keys)? else {
        return Err(Error::Format(
            "the file is shorter than its footer".to_owned(),
        ));
    };
    let mut erased = Vec::new();
    let mut replayed = false;
    decode_segment(file, keys, TimeWindow::ALL, Projection::All, |exchange| {
        replayed |= exchange.replay.is_some();
        if erase(&exchange) {
            erased.push(exchange.id());
        }
    })?;
    if erased.is_empty() {
        return Ok(None);
    }
    let options = SegmentOptions {
        recorder: recorder.clone(),
        writer: writer.to_owned(),
        zstd_level: 3,
        spool: footer.spool,
        sampling: footer.sampling,
        redaction: footer.redaction,
        replayed,
        keys: keys.clone(),
    };
    let mut replaces = footer.replaces;
    replaces.insert(key.recorder().as_str(), key.sequence(), key.sequence());
    let mut builder = SegmentBuilder::new(options).replacing(replaces);
    let mut failed = None;
    decode_segment(file, keys, TimeWindow::ALL, Projection::All, |exchange| {
        if failed.is_none() && !erase(&exchange) {
            match builder.push(exchange) {
                Ok(Pushed::Stored) => {}
                Ok(Pushed::Late(_)) => {
                    let problem = "its rows are not in the order of time".to_owned();
                    failed = Some(Error::Format(problem));
                }
                Err(error) => failed = Some(error),
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let segment = if builder.rows() == 0 {
        builder.seal_empty(0, key.start(), key.end())?
    } else {
        let sealed = builder.seal(0)?;
        sealed.expect("a segment with rows is sealed")
    };
    Ok(Some(Rewritten { segment, erased }))
}

#[cfg(test)]
mod tests;
