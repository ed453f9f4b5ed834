//! Every bound of the reproducers of one comparison.

/// How much is looked up, and looked back through, for scripts. What a bound cuts is counted, and said in the script and in the
/// comparison's document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReproducerLimits {
    /// Groups that get a script, those of most requests first; others have the ids of their requests.
    pub scripts_max: usize,
    /// Bytes of all scripts; those beyond are left out.
    pub scripts_bytes_max: usize,
    /// Bytes of one script; a longer one is left out.
    pub script_bytes_max: usize,
    /// Bytes of memory of the exchanges of one table that chains are made of. What is beyond is missing in its chain.
    pub looked_up_bytes_max: usize,
    /// Exchanges of the candidate's run that are looked back through for what chains lack. Before them nothing is found.
    pub looked_back_exchanges_max: u64,
    /// Values that are looked for. Those beyond are not.
    pub lacks_max: usize,
    /// Requests that write and have one credential, the last ones before a chain's end; those before are left out.
    pub writes_max: usize,
    /// Requests of other connections that one script has; those that gave nothing and were sent first are left out.
    pub others_max: usize,
    /// Bytes of memory of the exchanges that were found on other connections. What is beyond is left out.
    pub found_bytes_max: usize,
}

impl Default for ReproducerLimits {
    fn default() -> Self {
        Self {
            scripts_max: 100,
            scripts_bytes_max: 16 << 20,
            script_bytes_max: 1 << 20,
            looked_up_bytes_max: 128 << 20,
            looked_back_exchanges_max: 5_000_000,
            lacks_max: 10_000,
            writes_max: 64,
            others_max: 64,
            found_bytes_max: 64 << 20,
        }
    }
}
