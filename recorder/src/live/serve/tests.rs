use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use schema::Timestamp;
use tokio::runtime::Runtime;

use super::*;
use crate::spool::{Generation, Place};

/// A server of `feed` on loopback, in a runtime of its own.
fn serve(feed: &Arc<Feed>, limits: &ListenLimits) -> (Runtime, Arc<Server>, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(TcpListener::bind(("127.0.0.1", 0)))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let live = Live {
        address,
        token: None,
        tls: None,
    };
    let options = crate::testing::options();
    let server = Arc::new(Server::new(&live, Arc::clone(feed), options, limits));
    runtime.spawn(Arc::clone(&server).serve(listener));
    (runtime, server, address)
}

/// A feed whose spool has not said yet what it has kept.
fn unready() -> Arc<Feed> {
    Arc::new(Feed::new(7, None, 1 << 20).unready())
}

fn ask(address: SocketAddr) -> std::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = "GET /v1/exchanges?from=oldest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

fn rest(mut stream: std::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Who comes before the recorder has read its spool is no worse off than who comes after that.
#[test]
fn a_subscriber_that_comes_too_early_waits_and_gets_everything() {
    let feed = unready();
    let (runtime, server, address) = serve(&feed, &ListenLimits::default());
    let early = ask(address);
    // Its request is there when the file is told of; whether it was read by then, the answer is the same.
    while server.subscribers.available_permits() == ListenLimits::default().live_subscribers {
        std::thread::yield_now();
    }
    let generation = Generation {
        generation: 3,
        rows: None,
    };
    feed.set_generations(&[generation]);
    let exchange = crate::testing::exchange(Timestamp::from_micros(1_795_352_400_000_000), 10);
    let place = Place {
        generation: 3,
        row: 0,
    };
    feed.push(Some(place), &exchange);
    feed.close();
    runtime.block_on(server.drain());
    drop(runtime);
    let answer = rest(early);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("0000000000000007-3-0"), "{answer}");
    assert!(
        answer.ends_with("\r\n0\r\n\r\n"),
        "its end is told: {answer}"
    );
}

#[test]
fn a_subscriber_that_waits_too_long_is_told_to_ask_again() {
    let limits = ListenLimits {
        live_ready: Duration::ZERO,
        ..ListenLimits::default()
    };
    let (_runtime, _server, address) = serve(&unready(), &limits);
    let answer = rest(ask(address));
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("still reading"), "{answer}");
}
