//! `run.json`: what was replayed, against what, how, with which verdict.
/// The document of one run.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct RunDocument {}
