//! The Arrow schema of each table.
