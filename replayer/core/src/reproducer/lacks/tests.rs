use schema::{Exchange, Headers};

use super::*;
use crate::testing::exchange;

const SID: &str = "9f86d081884c7d659a2feaa0c55ad015";
const UUID: &str = "0b9f21f4-7a3e-4c1d-8f55-9c2ab13d7e60";

fn request(line: &str, fields: &[(&str, &str)], body: &str) -> Exchange {
    let mut exchange = exchange(1, 0, 0);
    let request = exchange.request.as_mut().unwrap();
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (request.method, request.path) = (method.to_owned(), path.to_owned());
    request.query = (!query.is_empty()).then(|| query.to_owned());
    request.headers = fields.iter().copied().collect::<Headers>();
    request.body.bytes = body.to_owned().into();
    exchange
}

/// What the sent request lacks, a line each: `c` for a credential, `m` for what only a write can have given.
fn told(sent: &Exchange, recorded: &Exchange) -> Vec<String> {
    let step = Step {
        sent: sent.request.as_ref(),
        recorded: recorded.request.as_ref(),
        answer: None,
        protocol: sent.protocol,
        charset: sent.charset,
        path_prefix: "",
    };
    let told = lacks(&step).into_iter().map(|lacking| {
        let credential = if lacking.is_credential { "c " } else { "" };
        let made = if lacking.is_made { "m " } else { "" };
        format!("{credential}{made}{:?}", lacking.lack)
    });
    told.collect()
}

#[test]
fn what_was_put_in_is_looked_for_and_of_the_rest_what_servers_issue() {
    let bearer = format!("Bearer {SID}");
    let sent = |cookie: &str, page: &str| {
        request(
            &format!("PUT /items/{UUID}?page={page}"),
            &[
                ("Cookie", cookie),
                ("Authorization", &bearer),
                ("X-Request-Id", SID),
            ],
            "n=1",
        )
    };
    let recorded = sent("lang=en; sid=17", "1");
    assert_eq!(
        told(&sent("lang=en; sid=42", "2"), &recorded),
        [
            format!("m Word({UUID:?})"),
            "Value(\"2\")".to_owned(),
            "c Cookie(\"sid\", \"42\")".to_owned(),
            format!("c Word({SID:?})"),
        ]
    );
    // Sent as recorded.
    assert_eq!(
        told(&recorded, &recorded),
        [format!("m Word({UUID:?})"), format!("c Word({SID:?})")]
    );
}

#[test]
fn a_segment_with_a_digit_may_have_been_made() {
    let sent = request("GET /v1/orders/31/items", &[], "");
    assert_eq!(
        told(&sent, &sent),
        ["m Id { base: \"/v1/orders\", id: \"31\" }"]
    );
}

#[test]
fn a_part_of_a_form_is_looked_for_by_its_random_words() {
    let form = |token: &str| {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n{token}\r\n--b--\r\n"
        );
        request(
            "POST /",
            &[("Content-Type", "multipart/form-data; boundary=b")],
            &body,
        )
    };
    let (sent, recorded) = (form(SID), form(UUID));
    assert_eq!(told(&sent, &recorded), [format!("Word({SID:?})")]);
    assert_eq!(told(&sent, &sent), [format!("m Word({SID:?})")]);
}
