//! The wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use schema::Timestamp;

/// The time of day, as the kernel stamps datagrams with it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
