//! Frames in memory through the recorder's core.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use benches::{Impairment, Mix, TimedFrame, Traffic};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use recorder_core::{Frame, Limits, LinkType, Options, Pipeline};

fn record(frames: &[TimedFrame]) -> usize {
    let source: Arc<str> = "bench.pcap".into();
    let options = Options {
        body_bytes_max: 1 << 24,
        ..Options::default()
    };
    let mut pipeline = Pipeline::new(Limits::default(), options);
    let mut exchanges = 0;
    for frame in frames {
        let wire_len = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let bytes = frame.bytes.as_slice();
        pipeline.handle_frame(&Frame {
            at: frame.at,
            link: LinkType::Ethernet,
            bytes,
            wire_len,
            source: &source,
        });
        while let Some(exchange) = pipeline.poll_exchange() {
            exchanges += usize::from(black_box(exchange).response.is_some());
        }
    }
    pipeline.finish();
    exchanges + std::iter::from_fn(|| pipeline.poll_exchange()).count()
}

fn pipeline(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipeline");
    let reordered = Impairment {
        reorder: 0.05,
        delay_max: Duration::from_micros(400),
        ..Impairment::default()
    };
    for (name, exchanges, mix, impairment) in [
        ("gets", 5_000, Mix::Gets, Impairment::default()),
        ("gets, 5 % reordered", 5_000, Mix::Gets, reordered),
        (
            "large answers",
            200,
            Mix::LargeAnswers,
            Impairment::default(),
        ),
    ] {
        let traffic = Traffic {
            exchanges,
            mix,
            impairment,
            ..Traffic::default()
        };
        let frames: Vec<_> = traffic.frames().collect();
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| record(&frames)));
    }
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = pipeline }
criterion_main!(benches);
