//! Exchanges into a segment and out again.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use schema::{
    Exchange, Keyring, Projection, SegmentBuilder, SegmentDecoder, SegmentOptions, Step, TimeWindow,
};

#[path = "common/exchanges.rs"]
mod exchanges;

fn encode(exchanges: Vec<Exchange>) -> Bytes {
    let mut builder = SegmentBuilder::new(SegmentOptions {
        recorder: "bench".parse().expect("a legal name"),
        writer: "bench".to_owned(),
        zstd_level: 3,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: false,
        keys: Keyring::default(),
    });
    for exchange in exchanges {
        builder.push(exchange).expect("rows can be encoded");
    }
    builder
        .seal(0)
        .expect("a segment can be sealed")
        .expect("it has rows")
        .bytes
}

fn decode(file: &Bytes) -> usize {
    let mut decoder = SegmentDecoder::new(
        file.len() as u64,
        &Keyring::default(),
        TimeWindow::ALL,
        Projection::All,
    );
    let mut rows = 0;
    loop {
        match decoder.step().expect("a segment is readable") {
            Step::NeedsData(ranges) => {
                let slice = |range: &std::ops::Range<u64>| {
                    file.slice(range.start as usize..range.end as usize)
                };
                let data = ranges.iter().map(slice).collect();
                decoder
                    .push(ranges, data)
                    .expect("ranges have their length");
            }
            Step::Exchanges(batch) => rows += batch.len(),
            Step::Finished => return rows,
        }
    }
}

fn segment(criterion: &mut Criterion) {
    let exchanges = exchanges::recorded(10_000);
    let file = encode(exchanges.clone());
    let mut group = criterion.benchmark_group("segment");
    group.throughput(Throughput::Elements(exchanges.len() as u64));
    group.bench_function("encode", |bencher| {
        bencher.iter_batched(|| exchanges.clone(), encode, BatchSize::LargeInput);
    });
    group.bench_function("decode", |bencher| bencher.iter(|| decode(&file)));
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = segment }
criterion_main!(benches);
