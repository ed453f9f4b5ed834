//! How each column is encoded: what was measured to be small and fast on HTTP traffic.

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::Keyring;
use crate::columns::{self, FIELD_NAME, FIELD_VALUE, LIST_ITEM};

/// Raw bytes of a body page: larger compresses better, smaller lets a reader of a short window fetch less.
const BODY_PAGE_BYTES: usize = 256 << 10;
/// Bytes of distinct header values that a row group's dictionary takes before the column falls back to plain values.
const HEADER_DICTIONARY_BYTES: usize = 4 << 20;

/// Bytes of distinct bodies that a row group's dictionary takes before the column falls back to plain values. A reader of any
/// row of the row group decodes all of it.
const BODY_DICTIONARY_BYTES: usize = 16 << 20;

/// Times of an exchange: nearly sorted, so deltas.
const TIMES: [&str; 4] = [
    columns::REQUEST_START,
    columns::REQUEST_END,
    columns::RESPONSE_START,
    columns::RESPONSE_END,
];
/// Columns by which people look for exchanges: each page says what lies in it, so that others can be skipped.
const SEARCHED: [&str; 5] = [
    columns::REQUEST_START,
    columns::METHOD,
    columns::HOST,
    columns::PATH,
    columns::STATUS,
];
const HEADERS: [&str; 4] = [
    columns::REQUEST_HEADERS,
    columns::REQUEST_TRAILERS,
    columns::RESPONSE_HEADERS,
    columns::RESPONSE_TRAILERS,
];

/// Which body columns keep each distinct body of a row group once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BodyDictionaries {
    pub(crate) request: bool,
    pub(crate) response: bool,
}

/// Properties for a segment of exchanges.
pub(crate) fn exchanges(
    zstd_level: i32,
    pairs: Vec<KeyValue>,
    dictionaries: BodyDictionaries,
    keys: &Keyring,
) -> WriterProperties {
    let mut properties = common(zstd_level, pairs, keys);
    for name in TIMES {
        properties = properties
            .set_column_dictionary_enabled(name.into(), false)
            .set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED);
    }
    for name in SEARCHED {
        properties = properties.set_column_statistics_enabled(name.into(), EnabledStatistics::Page);
    }
    for name in HEADERS {
        let part = |part: &str| {
            ColumnPath::new([name, "list", LIST_ITEM, part].map(str::to_owned).to_vec())
        };
        properties = properties
            .set_column_statistics_enabled(part(FIELD_NAME), EnabledStatistics::None)
            .set_column_statistics_enabled(part(FIELD_VALUE), EnabledStatistics::None)
            .set_column_dictionary_page_size_limit(part(FIELD_VALUE), HEADER_DICTIONARY_BYTES);
    }
    for (name, dictionary) in [
        (columns::REQUEST_BODY, dictionaries.request),
        (columns::RESPONSE_BODY, dictionaries.response),
    ] {
        // The minima of bodies would land in the footer.
        properties = properties
            .set_column_dictionary_enabled(name.into(), dictionary)
            .set_column_dictionary_page_size_limit(name.into(), BODY_DICTIONARY_BYTES)
            .set_column_statistics_enabled(name.into(), EnabledStatistics::None)
            .set_column_data_page_size_limit(name.into(), BODY_PAGE_BYTES);
    }
    // Many values are distinct, of one length or with a long beginning in common: a dictionary of them is larger than they are.
    for (name, encoding) in [
        (columns::EXCHANGE_ID, Encoding::DELTA_LENGTH_BYTE_ARRAY),
        (columns::PATH, Encoding::DELTA_BYTE_ARRAY),
    ] {
        properties = properties
            .set_column_dictionary_enabled(name.into(), false)
            .set_column_encoding(name.into(), encoding);
    }
    properties.build()
}

/// What all files share: zstd, no cut that the builder did not ask for, and encryption if there is a key.
pub(crate) fn common(
    zstd_level: i32,
    pairs: Vec<KeyValue>,
    keys: &Keyring,
) -> WriterPropertiesBuilder {
    let level = ZstdLevel::try_new(zstd_level.clamp(1, 22)).unwrap_or_default();
    let builder = WriterProperties::builder();
    let builder = match keys.encryption() {
        Some(encryption) => builder.with_file_encryption_properties(encryption),
        None => builder,
    };
    builder
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(pairs))
}
