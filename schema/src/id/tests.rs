use xxhash_rust::xxh3::xxh3_64;

use super::*;

#[test]
fn a_connection_id_is_the_hash_that_the_specification_says() {
    let client: SocketAddr = "192.0.2.1:40000".parse().unwrap();
    let server: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let bytes = [
        b"10.0.3.7\0".as_slice(),
        &[42, 0, 0, 0],
        &[192, 0, 2, 1, 80, 0],
        &[192, 0, 2, 1, 0x40, 0x9c],
        &[4, 3, 2, 1],
    ]
    .concat();
    let derive =
        |a, b| ConnectionId::derive(Some("10.0.3.7"), Some(Vni::new(42)), a, b, 0x0102_0304);
    assert_eq!(derive(client, server), ConnectionId(xxh3_64(&bytes)));
    assert_eq!(derive(server, client), derive(client, server));

    let six: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
    let bytes = [
        b"\0".as_slice(),
        &[255; 4],
        &[192, 0, 2, 1, 80, 0],
        &[
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 80, 0,
        ],
        &[0; 4],
    ]
    .concat();
    let derived = ConnectionId::derive(None, None, six, server, 0);
    assert_eq!(derived, ConnectionId(xxh3_64(&bytes)));
}

#[test]
fn ids_are_read_as_they_are_written() {
    let id: ExchangeId = "00c0ffee00c0ffee-12".parse().unwrap();
    assert_eq!(id.connection, ConnectionId(0x00c0_ffee_00c0_ffee));
    assert_eq!(
        (id.index, id.to_string().as_str()),
        (12, "00c0ffee00c0ffee-12")
    );
    for text in [
        "",
        "c0ffee-1",
        "00c0ffee00c0ffee",
        "00c0ffee00c0ffee-",
        "00c0ffee00c0ffee-+1",
        "00c0ffee00c0ffex-1",
    ] {
        assert!(text.parse::<ExchangeId>().is_err(), "{text}");
    }
    for text in ["+0c0ffee00c0ffee", "00c0ffee00c0ffee0"] {
        assert!(text.parse::<ConnectionId>().is_err(), "{text}");
    }
    assert!("a.b_c-D9".parse::<RecorderId>().is_ok());
    for text in ["", "a/b", "a b", "\u{e9}", &"a".repeat(65)] {
        assert!(text.parse::<RecorderId>().is_err(), "{text}");
    }
    assert_eq!(Vni::new(u32::MAX).get(), 0x00ff_ffff);
}
