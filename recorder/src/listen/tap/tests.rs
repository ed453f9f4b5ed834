use schema::Timestamp;

use super::*;

#[test]
fn a_tag_is_put_back_where_it_was() {
    let untagged: Vec<u8> = (0..20).collect();
    let mut captured = Captured {
        bytes: &untagged,
        wire_len: 30,
        at: Timestamp::MIN,
        vlan: Some((0x88a8, 0x2005)),
    };
    let mut room = Vec::new();
    let (bytes, wire_len) = with_tag(&captured, LinkType::Ethernet, &mut room);
    assert_eq!((&bytes[..12], wire_len), (&untagged[..12], 34));
    assert_eq!(
        (&bytes[12..16], &bytes[16..]),
        (&[0x88, 0xa8, 0x20, 0x05][..], &untagged[12..])
    );
    // Where there is no tag, no Ethernet, or no room for addresses, nothing is copied.
    assert_eq!(
        with_tag(&captured, LinkType::RawIp, &mut Vec::new()),
        (&*untagged, 30)
    );
    captured.bytes = &untagged[..11];
    assert_eq!(
        with_tag(&captured, LinkType::Ethernet, &mut Vec::new())
            .0
            .len(),
        11
    );
    captured.vlan = None;
    assert_eq!(
        with_tag(&captured, LinkType::Ethernet, &mut Vec::new()).1,
        30
    );
}

#[test]
fn errors_say_what_to_do() {
    for (code, word) in [
        (libc::EPERM, "CAP_NET_RAW"),
        (libc::ENODEV, "ip link"),
        (libc::ENOMEM, "--receive-buffer"),
        (libc::EIO, "see the reason"),
    ] {
        let advice = advice(&io::Error::from_raw_os_error(code));
        assert!(advice.contains(word), "{advice}");
    }
    assert_eq!(link(libc::ARPHRD_ETHER), Some(LinkType::Ethernet));
    assert_eq!(link(libc::ARPHRD_NONE), Some(LinkType::RawIp));
    assert_eq!(link(libc::ARPHRD_INFINIBAND), None);
}
