//! The one integration-test binary.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod harness;
