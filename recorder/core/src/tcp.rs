//! Two halves of a connection.
