use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// What the faithful build sends back for `request`, the Date field taken out.
async fn exchange(request: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::select! {
        _ = serve(listener, Build::Faithful) => unreachable!("serves until dropped"),
        read = stream.read_to_end(&mut answer) => { read.unwrap(); }
    }
    let answer = String::from_utf8(answer).unwrap();
    answer
        .split_inclusive("\r\n")
        .filter(|line| !line.starts_with("date: "))
        .collect()
}

#[tokio::test]
async fn a_search_comes_in_chunks() {
    let answer =
        exchange("GET /v1/search?q=nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert_eq!(
        answer,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nvary: accept-encoding\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\n\r\n\
         3B\r\n{\"query\":\"nothing\",\"page\":1,\"pages\":0,\"found\":0,\"items\":[]}\r\n0\r\n\r\n"
    );
}

#[tokio::test]
async fn a_head_answer_has_the_length_and_no_body() {
    let answer =
        exchange("HEAD /v1/titles/1002 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert_eq!(
        answer,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: \"t1002-861\"\r\n\
         cache-control: public, max-age=60\r\ncontent-length: 219\r\nconnection: close\r\n\r\n"
    );
}
