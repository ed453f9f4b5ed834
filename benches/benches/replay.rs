//! The replayer's core: the schedule, and comparing answers.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use replayer_core::compare::{Rules, compare};
use replayer_core::pace::Pace;
use replayer_core::scheduler::{Place, Schedule, Scheduler, Step, WhenBehind};
use schema::{Exchange, Timestamp};

#[path = "common/exchanges.rs"]
mod exchanges;

/// Sends everything at its time, each answered before the next is due; gives how many were sent.
fn schedule(exchanges: &[Exchange]) -> usize {
    let start = exchanges[0].start();
    let mut scheduler = Scheduler::new(Schedule {
        pace: Pace::Recorded { speed: 1.0 },
        ramp: Duration::ZERO,
        when_behind: WhenBehind::Wait,
        in_flight_max: 64,
        waiting_max: 1_024,
        started_at: start,
        recorded_start: start,
    });
    let (mut now, mut input, mut sent) = (start, exchanges.iter(), 0);
    loop {
        match scheduler.poll(now) {
            Step::Dispatch { ticket, .. } => {
                sent += 1;
                let answered_at = now.saturating_add(Duration::from_micros(100));
                scheduler.handle_completion(black_box(ticket), answered_at);
            }
            Step::WaitUntil(time) => now = time,
            Step::NeedsInput => match input.next() {
                Some(exchange) => {
                    let group = exchange.connection.id.0;
                    scheduler.handle_exchange(group, Place::InTurn { group }, exchange.start());
                }
                None => scheduler.handle_end_of_input(),
            },
            Step::Skip { .. } | Step::AtCapacity | Step::NotAllowed => {
                unreachable!("every request is answered at once")
            }
            Step::Finished => return sent,
        }
    }
}

/// The exchange as a run has it: sent a second later, answered alike.
fn replayed(exchange: &Exchange) -> Exchange {
    let start: Timestamp = exchange.start();
    let mut actual = exchange.clone();
    actual.replay = Some(Box::new(schema::Replay {
        recorded_start: start,
        due: start,
        lag_us: 0,
        order_wait_us: 0,
        outcome: schema::Outcome::Sent,
        outcome_reason: None,
        verdict: schema::ExchangeVerdict::Match,
        verdict_reason: None,
        divergences: 0,
        pass: 0,
        in_doubt: None,
    }));
    actual
}

fn replay(criterion: &mut Criterion) {
    let recorded = exchanges::recorded(5_000);
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(recorded.len() as u64));
    group.bench_function("schedule", |bencher| bencher.iter(|| schedule(&recorded)));

    let rules = Rules::default();
    let alike = replayed(&recorded[0]);
    let mut other = alike.clone();
    if let Some(response) = &mut other.response {
        let text = String::from_utf8_lossy(&response.body.bytes).replacen("3}", "4}", 1);
        response.body.bytes = text.into_bytes().into();
    }
    group.throughput(Throughput::Elements(1));
    for (name, actual) in [
        ("compare, alike", &alike),
        ("compare, one value changed", &other),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| compare(black_box(&recorded[0]), actual, &rules))
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = replay }
criterion_main!(benches);
