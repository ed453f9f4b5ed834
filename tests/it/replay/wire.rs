//! HTTP/1.1 as targets speak it: answers before, during and without the request's body, and what is no answer.

use tests::Talk;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn put(path: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("PUT {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

/// The only exchange of a run.
fn only(recorded: &Recorded) -> schema::Exchange {
    let (mut exchanges, _) = read_run(Path::new(&recorded.archive()), "it");
    assert_eq!(exchanges.len(), 1);
    exchanges.remove(0)
}

fn replayed(request: &str, talk: &Talk, flags: &[&str]) -> (Recorded, schema::Exchange) {
    let recorded = Recorded::new(&one_by_one(&[request.to_owned()], Duration::ZERO));
    let mut all = vec!["--no-forwarded", "--no-reprise-headers"];
    all.extend(flags);
    let _ran = recorded.replay(&talk.url(), &all);
    let exchange = only(&recorded);
    (recorded, exchange)
}

fn outcome(exchange: &schema::Exchange) -> (Outcome, Option<&str>) {
    let replay = exchange.replay.as_ref().unwrap();
    (replay.outcome, replay.outcome_reason.as_deref())
}

#[test]
fn a_body_waits_until_the_target_wants_it() {
    let talk = Talk::start(|line| {
        let _head = line.hear_head();
        let before = line.hear_for(Duration::from_millis(200));
        line.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        let after = line.hear(5);
        line.note(format!("{before} before, {after} after"));
        line.say(OK);
    });
    let (_recorded, exchange) =
        replayed(&put("/", "Expect: 100-continue\r\n", "hello"), &talk, &[]);
    assert_eq!(outcome(&exchange), (Outcome::Sent, None));
    assert_eq!(exchange.interim_statuses, [100, 103]);
    assert_eq!(talk.heard(), ["0 before, 5 after"]);
}

#[test]
fn a_body_that_the_target_refuses_is_not_sent() {
    let talk = Talk::start(|line| {
        let _head = line.hear_head();
        line.say("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
        let heard = line.hear(usize::MAX);
        line.note(format!("{heard} after"));
    });
    let (_recorded, exchange) =
        replayed(&put("/", "Expect: 100-continue\r\n", "hello"), &talk, &[]);
    assert_eq!(outcome(&exchange), (Outcome::Sent, None));
    assert_eq!(exchange.response.unwrap().status, 417);
    assert_eq!(talk.heard(), ["0 after"]);
}

/// RFC 9110 section 10.1.1: a client does not wait for ever.
#[test]
fn a_target_that_ignores_the_question_gets_the_body() {
    let talk = Talk::start(|line| {
        let _head = line.hear_head();
        let heard = line.hear(5);
        line.note(format!("{heard} unasked"));
        line.say(OK);
    });
    let (_recorded, exchange) =
        replayed(&put("/", "Expect: 100-continue\r\n", "hello"), &talk, &[]);
    assert_eq!(outcome(&exchange), (Outcome::Sent, None));
    assert_eq!(talk.heard(), ["5 unasked"]);
}

/// An answer before the request's end is an answer, whether the target wants the rest or not.
#[test]
fn early_answers_are_read_while_the_body_is_written() {
    let body = "x".repeat(6_000_000);
    let refuses = Talk::start(|line| {
        let _head = line.hear_head();
        line.say("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        // It reads no further, and stays until the other side has left.
        while line.hear(1) > 0 && line.hear_for(Duration::from_millis(100)) > 0 {}
    });
    let (_recorded, exchange) = replayed(&put("/", "", &body), &refuses, &[]);
    assert_eq!(outcome(&exchange), (Outcome::Sent, None));
    assert_eq!(exchange.response.unwrap().status, 413);

    let reads = Talk::start(|line| {
        let _head = line.hear_head();
        line.say(OK);
        let heard = line.hear(6_000_000);
        line.note(heard.to_string());
    });
    let (_recorded, exchange) = replayed(&put("/", "", &body), &reads, &[]);
    assert_eq!(outcome(&exchange), (Outcome::Sent, None));
    assert_eq!(reads.heard(), ["6000000"]);
}

#[test]
fn answers_of_every_framing_are_read() {
    type Trailer<'a> = Option<(&'a str, &'a str)>;
    let table: &[(&str, &'static str, &str, Trailer<'_>)] = &[
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "",
            None,
        ),
        ("GET", "HTTP/1.1 204 No\r\n\r\n", "", None),
        (
            "GET",
            "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
            "",
            None,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\n\r\nuntil the end",
            "until the end",
            None,
        ),
        ("GET", "HTTP/1.0 200 OK\r\n\r\n", "", None),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 9\r\n\r\n",
            "hello",
            Some(("X-Sum", "9")),
        ),
    ];
    for &(method, answer, body, trailer) in table {
        let talk = Talk::start(move |line| {
            let _head = line.hear_head();
            line.say(answer);
        });
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        let (_recorded, exchange) = replayed(&request, &talk, &[]);
        assert_eq!(outcome(&exchange), (Outcome::Sent, None), "{answer:?}");
        let response = exchange.response.unwrap();
        assert_eq!(&response.body.bytes[..], body.as_bytes(), "{answer:?}");
        let trailers = response.trailers.unwrap_or_default();
        assert_eq!(trailers.iter().next(), trailer, "{answer:?}");
    }
}

#[test]
fn what_is_no_whole_answer_is_a_failure_with_a_reason() {
    let endless = |line: &mut tests::Line| {
        let _head = line.hear_head();
        line.say("HTTP/1.1 200 OK\r\n");
        while line.say("X-More: of the same, and no end to it\r\n".repeat(100)) {}
    };
    let hints = |line: &mut tests::Line| {
        let _head = line.hear_head();
        while line.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100)) {}
    };
    let resets = |line: &mut tests::Line| {
        // Leaving with bytes unread resets the connection.
        line.hear(1);
    };
    let dribbles = |line: &mut tests::Line| {
        let _head = line.hear_head();
        line.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        line.hear(usize::MAX);
    };
    type Server = fn(&mut tests::Line);
    let table: [(Server, &str); 6] = [
        (endless, "head_too_large"),
        (hints, "head_too_large"),
        (resets, "connection_reset"),
        (dribbles, "timeout"),
        (
            |line| {
                let _head = line.hear_head();
                line.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
            },
            "malformed_response",
        ),
        (
            |line| {
                let _head = line.hear_head();
                line.hear(5);
                line.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
            },
            "connection_closed",
        ),
    ];
    for (serve, reason) in table {
        let talk = Talk::start(serve);
        let (_recorded, exchange) = replayed(&put("/", "", "hello"), &talk, &["--timeout", "3s"]);
        assert_eq!(outcome(&exchange), (Outcome::Failed, Some(reason)));
    }
}

/// A target that closed the connection meanwhile is asked again over a new one if nothing can be done twice by it.
#[test]
fn a_connection_that_the_target_closed_is_replaced() {
    let requests = [get("/0"), put("/1", "", "hello"), get("/2")];
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(300)));
    let talk = Talk::start(|line| {
        let head = line.hear_head();
        if head.starts_with("PUT") {
            line.hear(5);
        }
        line.note(head.split(' ').nth(1).unwrap_or_default());
        line.say(OK);
    });
    // Without order by connection one connection to the target serves them all, as long as it is open.
    let flags = ["--order", "none"];
    let _ran = recorded.replay(&talk.url(), &flags).expect_code(0);
    assert_eq!(talk.heard(), ["/0", "/1", "/2"]);
}
