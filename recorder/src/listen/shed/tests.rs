use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(1_795_352_400_000_000_000 + millis * 1_000_000)
}

#[test]
fn the_share_follows_how_full_buffers_are() {
    let mut shedding = Shedding::new(Shed::Sample);
    let steps = [
        // When, how full, and the share then.
        (0, 0.4, 0.0),
        (100, 0.6, 0.25),
        (300, 0.9, 0.25),
        (600, 0.9, 0.5),
        (700, 0.3, 0.5),
        (5_000, 0.05, 0.5),
        (9_000, 0.2, 0.5),
        (10_000, 0.05, 0.5),
        (19_999, 0.0, 0.5),
        (20_000, 0.0, 0.25),
        (29_999, 0.0, 0.25),
        (30_000, 0.0, 0.0),
        (60_000, 0.0, 0.0),
    ];
    for (millis, fill, share) in steps {
        shedding.update(at(millis), fill);
        assert!((shedding.share() - share).abs() < 1e-9, "at {millis} ms");
    }
}

#[test]
fn shares_are_what_they_say_and_larger_ones_hold_the_smaller() {
    let mut shedding = Shedding::new(Shed::Sample);
    let mut before: Vec<u64> = Vec::new();
    for round in 1..STEPS.len() as u64 {
        assert!(shedding.update(at(round * 1_000), 1.0));
        let shed: Vec<u64> = (0..65_536).filter(|&hash| shedding.sheds(hash)).collect();
        let share = shed.len() as f64 / 65_536.0;
        assert!((share - shedding.share()).abs() < 0.02, "{share}");
        assert!(before.iter().all(|hash| shedding.sheds(*hash)));
        before = shed;
    }
    assert!(
        !shedding.update(at(60_000), 1.0),
        "something is always kept"
    );
    assert!(before.len() < 65_536);
}

#[test]
fn by_default_no_connection_is_let_go() {
    let mut shedding = Shedding::new(Shed::Frames);
    assert!(!shedding.update(at(0), 1.0));
    assert!(!shedding.is_active() && !shedding.sheds(0));
}
