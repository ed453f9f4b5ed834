//! Names of the mirrored interfaces: the text of each outer source address, made once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Text by address; bounded, like the pipeline's own table of sources.
#[derive(Debug)]
pub(super) struct SourceNames {
    names: HashMap<IpAddr, Arc<str>>,
    max: usize,
    last: Option<(IpAddr, Arc<str>)>,
    other: Arc<str>,
}

impl SourceNames {
    /// Room for `max` names; further addresses are `other`, as in the ledger.
    pub(super) fn new(max: usize) -> Self {
        Self {
            names: HashMap::new(),
            max,
            last: None,
            other: "other".into(),
        }
    }

    /// The name of an address. The same address gives the same `Arc`, which is quick to compare.
    pub(super) fn name(&mut self, address: Option<IpAddr>) -> Arc<str> {
        let Some(address) = address else {
            return Arc::clone(&self.other);
        };
        if let Some((last, name)) = &self.last
            && *last == address
        {
            return Arc::clone(name);
        }
        let name = match self.names.get(&address) {
            Some(name) => Arc::clone(name),
            None if self.names.len() >= self.max => Arc::clone(&self.other),
            None => {
                let name: Arc<str> = address.to_string().into();
                self.names.insert(address, Arc::clone(&name));
                name
            }
        };
        self.last = Some((address, Arc::clone(&name)));
        name
    }
}
