//! Counts by minute, source and network.
