use std::sync::Arc;
use std::time::Duration;

use super::*;

/// A ledger, and the sources `a` (1) and `b` (2).
struct Fixture {
    ledger: Ledger,
    sources: Sources,
    limits: Limits,
}

impl Fixture {
    fn new(limits: Limits) -> Self {
        let mut sources = Sources::new();
        for name in ["a", "b"] {
            sources.capture(&Arc::from(name), 10);
        }
        Self {
            ledger: Ledger::default(),
            sources,
            limits,
        }
    }

    fn count(&mut self, time: &str, source: u32, vni: Option<u32>) {
        let counters = self
            .ledger
            .cell(at(time), source, vni.map(Vni::new), &self.limits);
        counters.ledger.frames += 1;
        self.ledger
            .handle_timeout(at(time), &self.sources, &self.limits);
    }

    /// The rows that are ready: time, source, network, frames.
    fn rows(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.ledger.poll())
            .map(|row| {
                let time = row.minute.to_string();
                let source = row.source.as_deref().unwrap_or("-");
                let vni = row
                    .vni
                    .map_or_else(|| "-".to_owned(), |vni| vni.get().to_string());
                format!("{} {source} {vni} {}", &time[11..16], row.frames)
            })
            .collect()
    }

    fn finish(&mut self) -> Vec<String> {
        let now = self.ledger.newest;
        self.ledger.finish(now, &self.sources, &self.limits);
        self.rows()
    }
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

#[test]
fn a_row_for_each_minute_source_and_network() {
    let mut fixture = Fixture::new(Limits::default());
    for (time, source, vni) in [
        ("10:00:01", 2, None),
        ("10:00:02", 1, Some(7)),
        ("10:00:59.999999", 1, None),
        ("10:01:00", 1, None),
        ("10:01:30", 1, None),
        // Late, but its minute is open.
        ("10:00:58", 2, None),
    ] {
        fixture.count(time, source, vni);
    }
    assert_eq!(
        fixture.rows(),
        Vec::<String>::new(),
        "no minute lies far enough behind"
    );
    fixture.count("10:01:59.999999", 1, None);
    assert_eq!(fixture.rows(), Vec::<String>::new());
    fixture.count("10:02:00", 1, None);
    assert_eq!(
        fixture.rows(),
        ["10:00 a - 1", "10:00 a 7 1", "10:00 b - 2"]
    );
    // Too late for its minute: it counts in the earliest one that is open.
    fixture.count("10:00:58", 2, None);
    assert_eq!(
        fixture.finish(),
        ["10:01 a - 3", "10:01 b - 1", "10:02 a - 1"]
    );
    assert_eq!(fixture.ledger.totals().ledger.frames, 9);
}

#[test]
fn minutes_in_which_nothing_came_have_a_row() {
    let limits = Limits {
        ledger_empty_minutes_max: 3,
        ..Limits::default()
    };
    let mut fixture = Fixture::new(limits);
    fixture.count("10:00:00", 1, None);
    fixture.count("10:03:00", 1, None);
    assert_eq!(fixture.rows(), ["10:00 a - 1"]);
    fixture.count("10:10:00", 1, None);
    let expected = ["10:01 - - 0", "10:02 - - 0", "10:03 a - 1"];
    assert_eq!(fixture.rows(), expected);
    let expected = ["10:04 - - 0", "10:05 - - 0", "10:06 - - 0", "10:10 a - 1"];
    assert_eq!(
        fixture.finish(),
        expected,
        "a longer silence was none: the capture did not run"
    );
    assert_eq!(
        fixture
            .ledger
            .totals()
            .anomaly(Anomaly::LedgerMinuteSkipped),
        3
    );
}

#[test]
fn rows_in_open_minutes_are_bounded() {
    let limits = Limits {
        ledger_rows_max: 5,
        ..Limits::default()
    };
    let mut fixture = Fixture::new(limits);
    for vni in 0..1_000 {
        fixture.count("10:00:00", 1, Some(vni));
    }
    let rows = fixture.finish();
    assert_eq!(rows.len(), 6);
    assert!(rows.contains(&"10:00 other - 995".to_owned()), "{rows:?}");
    let totals = fixture.ledger.totals();
    assert_eq!(totals.ledger.frames, 1_000);
    assert_eq!(totals.anomaly(Anomaly::LedgerRowsFull), 995);
}

#[test]
fn says_when_rows_are_due() {
    let mut fixture = Fixture::new(Limits::default());
    assert_eq!(fixture.ledger.next_timeout(&fixture.limits), None);
    fixture.count("10:00:30", 1, None);
    let due = fixture.ledger.next_timeout(&fixture.limits).unwrap();
    assert_eq!(due, at("10:02:00"));
    let before = due.saturating_sub(Duration::from_nanos(1));
    fixture
        .ledger
        .handle_timeout(before, &fixture.sources, &fixture.limits);
    assert_eq!(fixture.rows(), Vec::<String>::new());
    fixture
        .ledger
        .handle_timeout(due, &fixture.sources, &fixture.limits);
    assert_eq!(fixture.rows(), ["10:00 a - 1"]);
}

#[test]
fn a_watched_line_has_a_row_for_every_minute_as_it_passes() {
    let mut fixture = Fixture::new(Limits::default());
    fixture.ledger.watch(at("13:00:40"));
    let pass = |fixture: &mut Fixture, time: &str| {
        let (sources, limits) = (&fixture.sources, &fixture.limits);
        fixture.ledger.handle_timeout(at(time), sources, limits);
        fixture.rows()
    };
    assert_eq!(pass(&mut fixture, "13:01:59"), [""; 0]);
    assert_eq!(
        fixture.ledger.next_timeout(&fixture.limits),
        Some(at("13:02:00"))
    );
    assert_eq!(pass(&mut fixture, "13:02:00"), ["13:00 - - 0"]);
    fixture.count("13:02:01", 1, None);
    assert_eq!(pass(&mut fixture, "13:03:30"), ["13:01 - - 0"]);
    assert_eq!(
        pass(&mut fixture, "13:05:10"),
        ["13:02 a - 1", "13:03 - - 0"]
    );
    fixture
        .ledger
        .finish(at("13:05:20"), &fixture.sources, &fixture.limits);
    assert_eq!(fixture.rows(), ["13:04 - - 0", "13:05 - - 0"]);
}

/// Nobody watched while the machine slept, or the clock was set.
#[test]
fn a_jump_of_the_clock_makes_no_rows() {
    let mut fixture = Fixture::new(Limits {
        ledger_empty_minutes_max: 2,
        ..Limits::default()
    });
    fixture.ledger.watch(at("13:00:00"));
    let (sources, limits) = (&fixture.sources, &fixture.limits);
    fixture
        .ledger
        .handle_timeout(at("18:00:00"), sources, limits);
    assert_eq!(fixture.rows(), ["13:00 - - 0", "13:01 - - 0"]);
    let skipped = fixture.ledger.totals();
    assert_eq!(skipped.anomaly(Anomaly::LedgerMinuteSkipped), 297);
}
