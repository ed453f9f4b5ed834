use super::{Seat, Seats};

const fn seat(lane: usize, fresh: bool) -> Seat {
    Seat { lane, fresh }
}

#[test]
fn a_connection_keeps_its_lane() {
    let mut seats = Seats::new(3);
    assert_eq!(seats.take(Some(7)), seat(0, false));
    assert_eq!(seats.take(Some(8)), seat(1, false));
    seats.give_back(0);
    seats.give_back(1);
    assert_eq!(seats.take(Some(8)), seat(1, false));
    assert_eq!(seats.take(Some(9)), seat(2, false), "lane 0 is another's");
    assert_eq!(seats.take(Some(7)), seat(0, false));
}

#[test]
fn beyond_the_bound_the_lane_that_was_idle_for_longest_changes_its_owner() {
    let mut seats = Seats::new(2);
    for connection in [7, 8] {
        let _taken = seats.take(Some(connection));
    }
    seats.give_back(1);
    seats.give_back(0);
    assert_eq!(seats.take(Some(9)), seat(1, true), "8 was idle for longer");
    seats.give_back(1);
    assert_eq!(seats.take(Some(8)), seat(0, true), "8 has lost its lane");
    assert_eq!(seats.take(Some(9)), seat(1, false));
}

#[test]
fn without_owners_the_lane_that_was_busy_last_goes_on() {
    let mut seats = Seats::new(3);
    assert_eq!(seats.take(None), seat(0, false));
    assert_eq!(seats.take(None), seat(1, false));
    seats.give_back(1);
    seats.give_back(0);
    assert_eq!(seats.take(None), seat(0, false));
    assert_eq!(seats.take(None), seat(1, false));
}

/// Some lanes of each kind: what is shared is never taken from an owner while there is room.
#[test]
fn owners_and_others_side_by_side() {
    let mut seats = Seats::new(2);
    assert_eq!(seats.take(Some(7)), seat(0, false));
    seats.give_back(0);
    assert_eq!(seats.take(None), seat(1, false), "lane 0 is owned");
    assert_eq!(seats.take(None), seat(0, true), "and now it is not");
    seats.give_back(0);
    assert_eq!(seats.take(Some(7)), seat(0, true));
}
