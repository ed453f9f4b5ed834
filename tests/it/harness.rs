//! The harness itself: a test that cannot fail proves nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use tests::{Answer, PacketScript, S3Server, Target};

#[test]
fn a_script_loses_reorders_and_repeats_frames() {
    let script = PacketScript::new()
        .client("a")
        .client("b")
        .client("c")
        .lose(1)
        .reverse(2)
        .repeat();
    let last_bytes: Vec<u8> = script
        .frames()
        .iter()
        .map(|frame| *frame.bytes.last().unwrap())
        .collect();
    assert_eq!(last_bytes, b"baa");
    assert!(script.frames().is_sorted_by_key(|frame| frame.at));
}

#[test]
fn a_target_answers_and_remembers() {
    let target = Target::start(|arrival| Answer::json(format!("\"{}\"", arrival.path())));
    let mut stream = TcpStream::connect(target.address()).unwrap();
    stream
        .write_all(b"POST /a?b=1 HTTP/1.1\r\nX-ODD: Case\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\n\r\n")
        .unwrap();
    let expected =
        "HTTP/1.1 200 Answer\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n\"/a\"";
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), expected);
    let arrivals = target.arrivals();
    assert_eq!(arrivals.len(), 1);
    assert_eq!(arrivals[0].target, "/a?b=1");
    assert_eq!(
        arrivals[0].headers[0],
        ("X-ODD".to_owned(), "Case".to_owned())
    );
    assert_eq!(arrivals[0].body, b"hi");
}

#[test]
fn an_s3_server_starts_and_stops() {
    let mut server = S3Server::start();
    let address = server.endpoint().replace("http://", "");
    assert!(TcpStream::connect(&address).is_ok());
    server.kill();
    assert!(TcpStream::connect(&address).is_err());
}
