use super::*;

const SCOPE: Scope = Scope {
    session: 1,
    pass: 0,
};

fn store(values_max: usize, bytes_max: usize) -> Store {
    Store::new(&Limits {
        correlated_values_max: values_max,
        correlated_bytes_max: bytes_max,
        ..Limits::default()
    })
}

fn pair(recorded: &str, actual: &str, reach: Reach) -> Pair {
    Pair {
        source: "text".to_owned(),
        recorded: recorded.to_owned(),
        actual: actual.to_owned(),
        reach,
        places: Places::ALL,
    }
}

fn everywhere(number: usize) -> Pair {
    pair(&format!("recorded{number:04}"), "actual", Reach::Everywhere)
}

fn knows(store: &mut Store, number: usize) -> bool {
    let text = format!("recorded{number:04}");
    let found = store.find_at(SCOPE, text.as_bytes(), |length| length == text.len());
    found.is_some()
}

#[test]
fn the_oldest_that_is_not_in_use_is_forgotten() {
    let mut store = store(3, usize::MAX);
    for number in 0..3 {
        assert!(store.learn(&everywhere(number), 0, SCOPE));
    }
    assert!(knows(&mut store, 0), "now it is in use");
    store.learn(&everywhere(3), 0, SCOPE);
    assert_eq!(store.forgotten(), 1);
    let known: Vec<usize> = (0..4).filter(|&number| knows(&mut store, number)).collect();
    assert_eq!(known, [0, 2, 3]);
}

#[test]
fn bytes_are_bounded_too() {
    let mut store = store(usize::MAX, 10 * (ENTRY_BYTES + 6));
    for number in 0..100 {
        store.learn(&everywhere(number), 0, SCOPE);
    }
    assert_eq!((store.known.len(), store.forgotten()), (10, 90));
    assert_eq!(store.starts.len(), 1);
    assert_eq!(store.starts.values().next().unwrap()[..], [(12, 10)]);
}

/// A value that changes with each answer takes no more memory than one that does not.
#[test]
fn what_is_learned_anew_is_kept_once() {
    let mut store = store(1_000, usize::MAX);
    for round in 0..10_000 {
        let actual = format!("actual{round}");
        store.learn(&pair("recorded0000", &actual, Reach::Everywhere), 0, SCOPE);
    }
    assert_eq!((store.known.len(), store.forgotten()), (1, 0));
    assert!(store.ages.len() < 100);
    let (_, known) = store
        .find_at(SCOPE, b"recorded0000", |length| length == 12)
        .unwrap();
    assert_eq!(&*known.actual, "actual9999");
}

#[test]
fn a_value_that_comes_back_as_recorded_is_taken_back() {
    let mut store = store(10, usize::MAX);
    store.learn(&pair("en", "de", Reach::Session), 0, SCOPE);
    assert!(store.find(Space::Session, SCOPE, b"en").is_some());
    assert!(!store.learn(&pair("en", "en", Reach::Session), 0, SCOPE));
    assert!(store.is_empty() && !store.has_whole());
}

#[test]
fn spaces_sessions_and_passes_are_apart() {
    let mut store = store(10, usize::MAX);
    store.learn(&pair("42", "57", Reach::Session), 0, SCOPE);
    store.learn(&everywhere(1), 0, SCOPE);
    let other_session = Scope {
        session: 2,
        ..SCOPE
    };
    let other_pass = Scope { pass: 1, ..SCOPE };
    assert!(store.find(Space::Session, SCOPE, b"42").is_some());
    assert!(store.find(Space::Session, other_session, b"42").is_none());
    assert!(store.find(Space::SessionCookies, SCOPE, b"42").is_none());
    let text = b"recorded0001";
    assert!(
        store
            .find_at(other_session, text, |length| length == 12)
            .is_some()
    );
    assert!(
        store
            .find_at(other_pass, text, |length| length == 12)
            .is_none()
    );
}
