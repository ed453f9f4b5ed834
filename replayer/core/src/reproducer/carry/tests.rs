use bytes::Bytes;
use schema::Headers;

use super::*;
use crate::testing::exchange;

const SID: &str = "9f86d081884c7d659a2feaa0c55ad015";
const CSRF: &str = "b5bb9d8014a0f9b1d61e21e796d78dcc";

/// A request line with fields and a body, and an answer's fields and body.
struct Said<'a> {
    request: &'a str,
    fields: &'a [(&'a str, &'a str)],
    body: &'a str,
    answer: &'a [(&'a str, &'a str)],
    answer_body: &'a str,
}

const NOTHING: Said<'static> = Said {
    request: "GET /",
    fields: &[],
    body: "",
    answer: &[],
    answer_body: "",
};

fn exchanges(said: &[Said<'_>]) -> Vec<schema::Exchange> {
    let exchange = |said: &Said<'_>| {
        let mut exchange = exchange(1, 0, 0);
        let request = exchange.request.as_mut().unwrap();
        let (method, target) = said.request.split_once(' ').unwrap();
        let (path, query) = target
            .split_once('?')
            .map_or((target, None), |(path, query)| (path, Some(query)));
        (request.method, request.path) = (method.to_owned(), path.to_owned());
        request.query = query.map(str::to_owned);
        request.headers = said.fields.iter().copied().collect::<Headers>();
        request.body.bytes = Bytes::from(said.body.to_owned());
        let answer = exchange.response.as_mut().unwrap();
        answer.headers = said.answer.iter().copied().collect::<Headers>();
        answer.body.bytes = Bytes::from(said.answer_body.to_owned());
        exchange
    };
    said.iter().map(exchange).collect()
}

/// Every part of later requests with names of variables in place of values, `%` before an encoded one.
fn told(said: &[Said<'_>], recorded: &[Said<'_>]) -> String {
    let (sent, recorded) = (exchanges(said), exchanges(recorded));
    let steps: Vec<Step<'_>> = sent
        .iter()
        .zip(&recorded)
        .map(|(sent, recorded)| Step {
            sent: sent.request.as_ref(),
            recorded: recorded.request.as_ref(),
            answer: sent.response.as_ref(),
            protocol: sent.protocol,
            charset: sent.charset,
            path_prefix: "",
        })
        .collect();
    let carried = carried(&steps);
    let mut told = String::new();
    for (number, step) in steps.iter().enumerate().skip(1) {
        for (_, place, text) in parts(step.sent.unwrap()) {
            let mut copied = 0;
            for used in uses(text, place, number, &carried) {
                told.push_str(&text[copied..used.range.start]);
                let percent = if used.encoded { "%" } else { "" };
                told.push_str(&format!("{percent}${}", used.variable));
                copied = used.range.end;
            }
            told.push_str(&text[copied..]);
            told.push('|');
        }
        told.push('\n');
    }
    for value in &carried {
        told.push_str(value.taken().lines().next().unwrap());
        told.push('\n');
    }
    told
}

#[test]
fn what_answers_give_is_put_into_later_requests() {
    let token = "Zq3+k/81xYb0LmQ9dA==";
    let said = [
        Said {
            request: "POST /login",
            answer: &[
                ("Set-Cookie", &format!("sid={SID}; Path=/")),
                ("Set-Cookie", "lang=en"),
                ("Location", &format!("/enter?ticket={CSRF}&from=login")),
            ],
            ..NOTHING
        },
        Said {
            request: &format!("GET /enter?ticket={CSRF}&from=login"),
            fields: &[("Cookie", &format!("lang=en; sid={SID}")), ("X-Lang", "en")],
            answer: &[("ETag", "\"17\""), ("Content-Type", "text/html")],
            answer_body: &format!("<p>\n<input name=\"csrf\" value=\"{token}\">"),
            ..NOTHING
        },
        Said {
            request: "POST /orders",
            fields: &[("Content-Type", "application/x-www-form-urlencoded")],
            body: "csrf=Zq3%2Bk%2F81xYb0LmQ9dA%3D%3D&n=17",
            answer_body: r#"{"order": {"number": 31}}"#,
            ..NOTHING
        },
        Said {
            request: "PUT /orders/31/items?n=31",
            ..NOTHING
        },
    ];
    expect_test::expect![[r#"
        /enter|ticket=$ticket_3&from=login|lang=$lang_2; sid=$sid_1|en|
        /orders|csrf=%$csrf_4&n=17|
        /orders/$number_5/items|n=$number_5|
        sid_1=$(cookie 'sid')
        lang_2=$(cookie 'lang')
        ticket_3=$(fields 'location' | after '?ticket=' '&' 1)
        csrf_4=$(after '<input name="csrf" value="' '"' 1 < "$work/body")
        number_5=$(json '$.order.number')
    "#]]
    .assert_eq(&told(&said, &said));
}

#[test]
fn what_the_run_put_in_is_carried_and_what_a_client_knew_is_not() {
    let request = format!("GET /a?known={SID}");
    let answer_body = format!(r#"{{"echo":"{SID}","page":2,"id":7}}"#);
    let said = |id: &'static str| {
        [
            Said {
                request: &request,
                answer_body: &answer_body,
                ..NOTHING
            },
            Said {
                request: id,
                fields: &[],
                body: "",
                answer: &[],
                answer_body: "",
            },
        ]
        .map(|said| Said { ..said })
    };
    let (sent, recorded) = (said("GET /b/7?page=2"), said("GET /b/5?page=2"));
    assert_eq!(
        told(&sent, &recorded),
        "/b/$id_1|page=2|\nid_1=$(json '$.id')\n"
    );
    // As recorded: an id that could be any number.
    assert_eq!(told(&sent, &sent), "/b/7|page=2|\n");
    let echoed = [
        Said {
            request: &request,
            answer_body: &answer_body,
            ..NOTHING
        },
        Said {
            request: &request,
            ..NOTHING
        },
    ];
    assert_eq!(told(&echoed, &echoed), format!("/a|known={SID}|\n"));
}
