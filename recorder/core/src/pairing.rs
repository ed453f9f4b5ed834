//! Messages become exchanges.
