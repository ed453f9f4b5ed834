use super::*;

fn get(path: &'static str) -> Answer {
    answer(
        Ask {
            method: "GET",
            path,
            ..Ask::default()
        },
        Build::Faithful,
    )
}

fn post(path: &'static str, body: &'static str, build: Build) -> Answer {
    answer(
        Ask {
            method: "POST",
            path,
            body: body.as_bytes(),
            ..Ask::default()
        },
        build,
    )
}

#[track_caller]
fn check(answer: &Answer, status: u16, body: &str) {
    assert_eq!(
        (
            answer.status,
            String::from_utf8_lossy(&answer.body).as_ref()
        ),
        (status, body)
    );
}

#[test]
fn every_route_answers_as_recorded() {
    check(
        &get("/v1/titles/1002"),
        200,
        r#"{"id":1002,"title":"Low Tide Express","year":2021,"minutes":97,"genre":"thriller","prices":[{"offer":"rent","currency":"EUR","net":3.50},{"offer":"buy","currency":"EUR","net":9.99}],"rating":{"average":3.8,"count":861}}"#,
    );
    check(&get("/v1/titles/9"), 404, r#"{"error":"no such title"}"#);
    check(&get("/v1/viewers/x"), 404, r#"{"error":"no such viewer"}"#);
    check(&get("/v2"), 404, r#"{"error":"no such page"}"#);
    check(&get("/watch/1002"), 302, "");
    assert_eq!(
        get("/watch/1002").headers,
        [("location", "/v1/titles/1002".to_owned())]
    );
    check(
        &post(
            "/v1/playbacks",
            r#"{"viewer":71,"title":1002}"#,
            Build::Faithful,
        ),
        201,
        r#"{"playback":7101002,"manifest":"https://cdn.films.example/1002/de.mpd","resume_seconds":1302,"subtitles":["de","en"]}"#,
    );
    check(
        &post(
            "/v1/playbacks/7101002/progress",
            "seconds=90",
            Build::Faithful,
        ),
        204,
        "",
    );
    check(
        &post(
            "/v1/playbacks/7101002/progress",
            "seconds=",
            Build::Faithful,
        ),
        422,
        r#"{"error":"seconds must be a number"}"#,
    );
}

#[test]
fn a_page_is_part_of_the_search() {
    let ask = Ask {
        method: "GET",
        path: "/v1/search",
        query: "q=DRAMA&page=2",
        ..Ask::default()
    };
    check(
        &answer(ask, Build::Faithful),
        200,
        r#"{"query":"DRAMA","page":2,"pages":1,"found":3,"items":[]}"#,
    );
    let ask = Ask {
        query: "q=drama&page=0",
        ..ask
    };
    check(
        &answer(ask, Build::Faithful),
        400,
        r#"{"error":"page must be a number from 1"}"#,
    );
}

#[test]
fn a_known_validator_is_answered_with_304() {
    let ask = Ask {
        method: "GET",
        path: "/v1/titles/1002",
        if_none_match: Some("\"t1002-861\""),
        ..Ask::default()
    };
    check(&answer(ask, Build::Faithful), 304, "");
    assert_eq!(
        answer(
            Ask {
                if_none_match: Some("\"old\""),
                ..ask
            },
            Build::Faithful
        )
        .status,
        200
    );
}

#[test]
fn the_builds_differ_in_some_quotes_and_nowhere_else() {
    let quotes = [
        (r#"{"title":1002,"country":"DE"}"#, "0.67", "0.66"),
        (r#"{"title":1003,"country":"DE"}"#, "0.48", "0.48"),
        (r#"{"title":1006,"country":"DE"}"#, "0.95", "0.95"),
    ];
    for (body, faithful, regressed) in quotes {
        for (build, tax) in [(Build::Faithful, faithful), (Build::Regressed, regressed)] {
            let answer = post("/v1/quotes", body, build);
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(text.contains(&format!(r#""tax":{tax},"#)), "{body}: {text}");
        }
    }
    for path in [
        "/v1/titles/1002",
        "/v1/titles/1002/poster",
        "/v1/search",
        "/v1/viewers/71",
    ] {
        let ask = Ask {
            method: "GET",
            path,
            ..Ask::default()
        };
        assert_eq!(
            answer(ask, Build::Faithful),
            answer(ask, Build::Regressed),
            "{path}"
        );
    }
}
