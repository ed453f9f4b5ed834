use recorder_core::LinkType;

use super::*;

#[test]
fn a_frame_comes_to_its_shard_and_a_full_queue_says_so() {
    let source: Arc<str> = "10.0.3.7".into();
    let frame = Frame {
        at: Timestamp::from_nanos(5),
        link: LinkType::Vxlan,
        bytes: b"frame",
        wire_len: 9,
        source: &source,
    };
    let mut shards: Vec<Forwarding> = Forwarding::between(3, 2)
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    assert!(shards[1].is_ours(4) && !shards[1].is_ours(3));
    assert!(shards[0].forward(4, &frame) && shards[2].forward(4, &frame));
    assert!(!shards[0].forward(4, &frame), "there is room for two");
    assert!(shards[0].forward(5, &frame), "another shard's is not full");
    let taken = shards[1].take().unwrap();
    assert_eq!(
        (taken.at.as_nanos(), &taken.bytes[..], taken.wire_len),
        (5, &b"frame"[..], 9)
    );
    assert!(shards[1].take().is_some() && shards[1].take().is_none());
    assert!(shards[0].take().is_none());
    drop(shards.remove(1));
    assert!(
        !shards[0].forward(4, &frame),
        "a shard that has ended takes nothing"
    );
}

#[test]
fn a_shard_knows_how_far_all_others_are() {
    let shards: Vec<Forwarding> = Forwarding::between(3, 2)
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    let at = Timestamp::from_nanos;
    shards[0].tell(at(9));
    shards[1].tell(at(5));
    assert_eq!(
        shards[1].complete_until(),
        at(0),
        "the third has told nothing"
    );
    shards[2].tell(at(7));
    shards[2].tell(at(6));
    assert_eq!(shards[1].complete_until(), at(7), "time does not go back");
    assert_eq!(shards[2].complete_until(), at(5));
    shards[0].tell(Timestamp::MAX);
    shards[2].tell(Timestamp::MAX);
    assert_eq!(
        shards[1].complete_until(),
        Timestamp::MAX,
        "they have ended"
    );
}

#[test]
fn one_shard_forwards_nothing() {
    assert!(Forwarding::between(1, 8).unwrap()[0].is_none());
}

/// Otherwise a shard that has nothing to do would be woken for ever.
#[test]
fn a_frame_that_was_taken_before_its_wake_up_came_leaves_none_behind() {
    let mut shards: Vec<Forwarding> = Forwarding::between(2, 2)
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    // As if the frame was taken between the two steps of sending it.
    shards[0].peers[1].wake.send(&[0]).unwrap();
    assert!(shards[1].take().is_none());
    assert!(shards[1].woken.recv(&mut [0]).is_err(), "it is taken too");
}
