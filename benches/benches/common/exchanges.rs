//! Generated exchanges as the recorder's core gives them.

use std::sync::Arc;

use benches::Traffic;
use recorder_core::{Frame, Limits, LinkType, Options, Pipeline};
use schema::Exchange;

/// The first `count` GET exchanges of the default traffic.
pub(crate) fn recorded(count: u64) -> Vec<Exchange> {
    let source: Arc<str> = "bench.pcap".into();
    let options = Options {
        body_bytes_max: 1 << 24,
        ..Options::default()
    };
    let mut pipeline = Pipeline::new(Limits::default(), options);
    let mut exchanges = Vec::new();
    for frame in (Traffic {
        exchanges: count,
        ..Traffic::default()
    })
    .frames()
    {
        let wire_len = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let bytes = frame.bytes.as_slice();
        pipeline.handle_frame(&Frame {
            at: frame.at,
            link: LinkType::Ethernet,
            bytes,
            wire_len,
            source: &source,
        });
        exchanges.extend(std::iter::from_fn(|| {
            pipeline.poll_exchange().map(|it| *it)
        }));
    }
    pipeline.finish();
    exchanges.extend(std::iter::from_fn(|| {
        pipeline.poll_exchange().map(|it| *it)
    }));
    assert_eq!(exchanges.len() as u64, count);
    exchanges
}
