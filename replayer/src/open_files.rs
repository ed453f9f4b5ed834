//! How many connections may be open at once, as far as the system is concerned.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files and sockets that are open beside the connections to the target.
const OTHERS: u64 = 128;

/// Raises the process's limit of open files where that many connections need it, and tells where it cannot be raised as far:
/// requests beyond it would fail to connect, which is no fault of the target.
pub(crate) fn provide_for(connections: usize) {
    let needed = (connections as u64).saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    // None is no limit.
    let Some(now) = limit.current.filter(|now| *now < needed) else {
        return;
    };
    let raised = limit.maximum.map_or(needed, |most| needed.min(most));
    let set = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(raised),
            maximum: limit.maximum,
        },
    );
    let has = if set.is_ok() { raised } else { now };
    if has < needed {
        tracing::warn!(
            "{connections} connections may be needed (--in-flight), and the system lets this process open {has} files: raise \
             it (`ulimit -n {needed}`), or lower --in-flight; what cannot connect counts as failed"
        );
    }
}
