//! Everything that is counted: what the ledger has a column for, and every anomaly.

/// Something odd in captured traffic, or something that a bound made us drop. Never an error: counted, and gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A message head that is none: the parser looks for the next plausible message.
    HttpHeadMalformed,
    // wire, flow, tcp and http add theirs here, in the order of the layers.
}

impl Anomaly {
    /// Every anomaly, in the order of the layers.
    pub const ALL: &'static [Self] = &[Self::HttpHeadMalformed];

    /// Its name in summaries and metrics: lower case with underscores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HttpHeadMalformed => "http_head_malformed",
        }
    }
}

/// Counts of one source, network and minute; the ledger keeps one of these for each, and totals are their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The columns of the ledger (`minute`, `source` and `vni` are the key, left empty here).
    pub ledger: schema::LedgerRow,
    /// How often each anomaly was seen, in the order of [`Anomaly::ALL`].
    anomalies: [u64; Anomaly::ALL.len()],
}

impl Counters {
    /// Counts an anomaly.
    pub fn count(&mut self, anomaly: Anomaly) {
        self.anomalies[anomaly as usize] += 1;
    }

    /// How often an anomaly was seen.
    #[must_use]
    pub fn anomaly(&self, anomaly: Anomaly) -> u64 {
        self.anomalies[anomaly as usize]
    }
}
