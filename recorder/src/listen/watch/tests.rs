use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos((1_795_352_400 + seconds) * 1_000_000_000)
}

fn snapshot(frames: u64, dropped: u64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.counters.ledger.frames = frames;
    snapshot.counters.ledger.frames_dropped = dropped;
    snapshot
}

#[test]
fn a_warning_is_given_at_once_and_then_once_a_minute() {
    let mut watch = Watch::new(at(0));
    let told: Vec<(u64, u64)> = (0..=130)
        .flat_map(|second| {
            // One more is lost each second from the tenth on.
            let warnings = watch.look(&snapshot(second + 1, second.saturating_sub(9)), at(second));
            warnings
                .into_iter()
                .map(move |warning| (second, warning.count))
        })
        .collect();
    assert_eq!(told, [(10, 1), (70, 60), (130, 60)]);
}

#[test]
fn the_share_of_drops_is_that_of_the_last_minute() {
    let mut watch = Watch::new(at(0));
    watch.look(&snapshot(0, 0), at(0));
    watch.look(&snapshot(75, 25), at(1));
    assert!((watch.drop_share() - 0.25).abs() < 1e-9);
    for second in 2..62 {
        watch.look(&snapshot(75, 25), at(second));
    }
    assert!(watch.drop_share() == 0.0);
}

#[test]
fn silence_is_told_once_and_what_is_odd_by_its_name() {
    let mut watch = Watch::new(at(0));
    assert!(watch.look(&snapshot(0, 0), at(59)).is_empty());
    let warnings = watch.look(&snapshot(0, 0), at(60));
    assert!(warnings[0].text.contains("nothing has come"));
    assert!(watch.look(&snapshot(0, 0), at(200)).is_empty());
    for (anomaly, word) in [
        (Anomaly::ProxyHeader, "proxy protocol v2"),
        (Anomaly::TunnelMalformed, "security group"),
        (Anomaly::TcpOneSided, "outbound rules"),
    ] {
        let mut odd = snapshot(1, 0);
        odd.counters.count(anomaly);
        let warnings = watch.look(&odd, at(300));
        assert!(warnings[0].text.contains(word), "{warnings:?}");
    }
}
