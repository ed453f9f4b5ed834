use super::*;

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_micros(minute * 60_000_000)
}

#[test]
fn an_hour_without_a_match_is_told_once_an_hour() {
    let mut watch = RuleWatch::default();
    let told: Vec<_> = (0..=150)
        .filter(|&at| !watch.handle_matches(minute(at), &[0, at as u64]).is_empty())
        .collect();
    assert_eq!(told, [60, 120]);
}

#[test]
fn a_silence_is_no_time_in_which_a_rule_could_match() {
    let mut watch = RuleWatch::default();
    assert!(watch.handle_matches(minute(0), &[0]).is_empty());
    assert!(watch.handle_matches(minute(600), &[0]).is_empty());
    for at in 601..660 {
        assert!(watch.handle_matches(minute(at), &[0]).is_empty(), "{at}");
    }
    assert_eq!(watch.handle_matches(minute(660), &[0]), [0]);
}
