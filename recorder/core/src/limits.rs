//! Every bound of the recorder's core, in one place.
/// Every bound; reaching one is counted and never an error.
#[derive(Clone, Debug)]
pub struct Limits {}

impl Default for Limits {
    fn default() -> Self {
        Self {}
    }
}
