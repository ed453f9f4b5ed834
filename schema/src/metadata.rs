//! What a file says of itself: the key-value metadata of its footer.

use parquet::file::metadata::KeyValue;

use crate::{Error, SegmentOptions};

/// The format that this crate writes: major and minor. A new minor only adds columns or keys.
pub(crate) const FORMAT_VERSION: &str = "1.6";
const FORMAT_MAJOR: u32 = 1;
/// The first minor version whose files have a checksum.
const CHECKSUM_MINOR: u32 = 4;

pub(crate) const FORMAT: &str = "reprise.format";
pub(crate) const TABLE: &str = "reprise.table";
pub(crate) const RECORDER: &str = "reprise.recorder";
pub(crate) const WRITER: &str = "reprise.writer";
pub(crate) const SEQUENCE: &str = "reprise.sequence";
pub(crate) const SPOOL: &str = "reprise.spool";
pub(crate) const SAMPLING: &str = "reprise.sampling";
pub(crate) const REDACTION: &str = "reprise.redaction";
pub(crate) const ORDER: &str = "reprise.order";
pub(crate) const BATCHES: &str = "reprise.batches";
pub(crate) const SHED: &str = "reprise.shed";
pub(crate) const REPLACES: &str = "reprise.replaces";

/// How rows are ordered inside a batch; the batches themselves follow one another by `request_start`.
pub(crate) const ORDER_IN_BATCH: &str = "method,host,path_shape,request_start,exchange_id";

/// One batch of a segment, as `reprise.batches` lists it: rows, and first and last `request_start` in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct BatchSpan(pub(crate) u64, pub(crate) i64, pub(crate) i64);

/// A pair for a file's footer.
pub(crate) fn pair(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue::new(key.to_owned(), value.into())
}

/// How many pairs of [`of_rows`] are always there; they come first.
pub(crate) const ALWAYS: usize = 4;

/// What rows of exchanges say of themselves, in a segment as on a stream.
pub(crate) fn of_rows(options: &SegmentOptions, table: &str) -> Vec<(&'static str, String)> {
    let always: [_; ALWAYS] = [
        (FORMAT, FORMAT_VERSION.to_owned()),
        (TABLE, table.to_owned()),
        (RECORDER, options.recorder.to_string()),
        (WRITER, options.writer.clone()),
    ];
    let maybe = [
        (SPOOL, &options.spool),
        (SAMPLING, &options.sampling),
        (REDACTION, &options.redaction),
    ];
    let maybe = maybe
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.clone()?)));
    always.into_iter().chain(maybe).collect()
}

/// The value of `key`.
pub(crate) fn get<'a>(pairs: Option<&'a [KeyValue]>, key: &str) -> Option<&'a str> {
    let pair = pairs?.iter().find(|pair| pair.key == key)?;
    pair.value.as_deref()
}

/// Whether we can read the file: it is of `table`, and of a format that we know.
pub(crate) fn check(pairs: Option<&[KeyValue]>, table: &str) -> Result<(), Error> {
    let format = get(pairs, FORMAT)
        .ok_or_else(|| Error::Format(format!("the footer has no key `{FORMAT}`")))?;
    let major = format.split('.').next().unwrap_or_default().parse::<u32>();
    match major {
        Ok(major) if major > FORMAT_MAJOR => {
            return Err(Error::Newer {
                found: format.to_owned(),
                known: FORMAT_VERSION,
            });
        }
        Ok(FORMAT_MAJOR) => {}
        Ok(_) | Err(_) => return Err(Error::Format(format!("`{FORMAT}` is `{format}`"))),
    }
    match get(pairs, TABLE) {
        Some(found) if found == table => Ok(()),
        Some(found) => Err(Error::Format(format!(
            "the file belongs to table `{found}`, not `{table}`"
        ))),
        None => Err(Error::Format(format!("the footer has no key `{TABLE}`"))),
    }
}

/// Whether files of `format` have a checksum; one that cannot be read says that they have.
pub(crate) fn has_checksum(format: &str) -> bool {
    let minor = format
        .split_once('.')
        .map(|(_, minor)| minor.parse::<u32>());
    !matches!(minor, Some(Ok(minor)) if minor < CHECKSUM_MINOR)
}

/// The batches that the footer lists.
pub(crate) fn batches(pairs: Option<&[KeyValue]>) -> Result<Vec<BatchSpan>, Error> {
    let text = get(pairs, BATCHES)
        .ok_or_else(|| Error::Format(format!("the footer has no key `{BATCHES}`")))?;
    serde_json::from_str(text).map_err(|error| Error::Format(format!("`{BATCHES}`: {error}")))
}
