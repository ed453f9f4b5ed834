//! What the fuzz targets do with bytes: each target of `tests/fuzz` is one function here, so that its corpus is an ordinary
//! test, too. `tests/fuzz/README.md` says how to run them.

mod answer;
mod frames;
mod h1;
mod h2;
mod hpack;
mod input;
mod reassembly;

use recorder_core::LinkType;

pub use answer::fuzz_answer;
pub use frames::fuzz_frames;
pub use h1::fuzz_h1;
pub use h2::fuzz_h2;
pub use hpack::fuzz_hpack;
pub use reassembly::fuzz_reassembly;

/// Every link layer, in the order of the number that the corpora name it by.
pub const LINKS: [LinkType; 7] = [
    LinkType::Null,
    LinkType::Ethernet,
    LinkType::RawIp,
    LinkType::LinuxSll,
    LinkType::LinuxSll2,
    LinkType::Vxlan,
    LinkType::Geneve,
];

/// What a target does with an input; it panics where a law is broken.
pub type Target = fn(&[u8]);

/// Every target: the name of its corpus, and what it does.
pub const TARGETS: [(&str, Target); 6] = [
    ("answer", fuzz_answer),
    ("frames", fuzz_frames),
    ("reassembly", fuzz_reassembly),
    ("h1", fuzz_h1),
    ("h2", fuzz_h2),
    ("hpack", fuzz_hpack),
];
