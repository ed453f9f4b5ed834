use recorder_core::{Limits, MirrorConnection, MirrorStep, Mirrored, Options};
use schema::Timestamp;

use super::Desk;
use crate::listen::limits::ListenLimits;

fn request(body: usize) -> Mirrored {
    let [peer, local] = ["10.0.0.2:40000", "10.0.0.3:8090"].map(|text| text.parse().unwrap());
    let at = Timestamp::from_micros(61_000_000);
    let text = format!(
        "POST / HTTP/1.1\r\nHost: a-shadow\r\nContent-Length: {body}\r\n\r\n{}",
        "x".repeat(body)
    );
    let mut connection = MirrorConnection::new(peer, local, at);
    let step = connection.handle_bytes(
        at,
        &mut text.as_bytes(),
        &Limits::default(),
        &Options::default(),
    );
    match step {
        MirrorStep::Answer(mirrored) => *mirrored,
        step => panic!("{step:?}"),
    }
}

/// Full in requests or in bytes, the desk lets go and counts, by minute and source; what is taken makes room.
#[test]
fn a_full_desk_lets_go_and_counts() {
    let limits = ListenLimits {
        mirror_requests: 2,
        mirror_bytes: 100_000,
        ..ListenLimits::default()
    };
    let (desk, taken, books) = Desk::new(&limits);
    for _ in 0..5 {
        desk.put(request(1));
    }
    assert_eq!(
        taken
            .try_iter()
            .map(|one| books.release(one.memory()))
            .count(),
        2
    );
    desk.put(request(60_000));
    desk.put(request(60_000));
    desk.put(request(10));
    desk.shed(Timestamp::from_micros(130_000_000));
    let shed: Vec<_> = books
        .take_shed()
        .into_iter()
        .map(|((minute, source), count)| {
            (minute.as_nanos() / 1_000_000_000, source.to_string(), count)
        })
        .collect();
    let expected = [
        (60, "envoy-mirror".to_owned(), 4),
        (120, "http-mirror".to_owned(), 1),
    ];
    assert_eq!(shed, expected);
    assert_eq!(books.received(), 9);
    assert!(books.take_shed().is_empty());
    for one in taken.try_iter() {
        books.release(one.memory());
    }
    assert!(books.hold(100_000), "all was given back");
}
