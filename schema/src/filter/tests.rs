use super::{Filter, HeaderPattern, Pattern, StatusRange};
use crate::testing::exchange;
use crate::{Exchange, Sample, SampleBy};

/// `POST Shop.test /api/orders/7?x=1`, answered with 404.
fn order() -> Exchange {
    let mut exchange = exchange(4, 0);
    let request = exchange.request.as_mut().unwrap();
    request.method = "POST".to_owned();
    request.host = Some("Shop.test".to_owned());
    request.path = "/api/orders/7".to_owned();
    request.query = Some("x=1".to_owned());
    request.headers = [("User-Agent", "Mobile 1"), ("Accept", "a"), ("accept", "b")]
        .into_iter()
        .collect();
    exchange.response.as_mut().unwrap().status = 404;
    exchange
}

fn check(filter: &Filter, keeps: bool) {
    assert_eq!(filter.keeps(&order()), keeps, "{filter:?}");
}

#[test]
fn an_empty_filter_keeps_everything() {
    check(&Filter::default(), true);
}

#[test]
fn methods_in_any_case() {
    for (methods, keeps) in [
        (vec!["post"], true),
        (vec!["GET", "POST"], true),
        (vec!["GET"], false),
    ] {
        let methods = methods.into_iter().map(str::to_owned).collect();
        check(
            &Filter {
                methods,
                ..Filter::default()
            },
            keeps,
        );
    }
}

#[test]
fn path_globs_stop_at_slashes() {
    let table = [
        ("/api/orders/7", true),
        ("/api/orders/*", true),
        ("/api/*", false),
        ("/api/**", true),
        ("/**", true),
        ("/api/{orders,items}/?", true),
        ("/API/**", false),
        ("orders", false),
    ];
    for (glob, keeps) in table {
        let pattern = || vec![Pattern::path(glob).unwrap()];
        check(
            &Filter {
                paths: pattern(),
                ..Filter::default()
            },
            keeps,
        );
        check(
            &Filter {
                excluded_paths: pattern(),
                ..Filter::default()
            },
            !keeps,
        );
    }
    assert!(
        Pattern::path("/[")
            .unwrap_err()
            .to_string()
            .starts_with("`/[` is not a glob such as /api/**")
    );
}

#[test]
fn hosts_in_any_case() {
    for (glob, keeps) in [("shop.test", true), ("*.TEST", true), ("test", false)] {
        let hosts = vec![Pattern::host(glob).unwrap()];
        check(
            &Filter {
                hosts,
                ..Filter::default()
            },
            keeps,
        );
    }
}

#[test]
fn statuses() {
    for (text, keeps) in [
        ("404", true),
        ("4xx", true),
        ("400-499", true),
        ("5xx", false),
        ("200-299", false),
    ] {
        let statuses = vec![text.parse().unwrap()];
        check(
            &Filter {
                statuses,
                ..Filter::default()
            },
            keeps,
        );
    }
    for text in [
        "", "4", "40x", "xx", "404-", "499-400", "-5", "+04", "4040", "axx",
    ] {
        assert!(text.parse::<StatusRange>().is_err(), "{text}");
    }
}

#[test]
fn every_header_has_to_match_with_one_of_its_values() {
    let table: [(&[&str], bool); 5] = [
        (&["user-agent=Mobile*"], true),
        (&["accept=b"], true),
        (&["user-agent=Mobile*", "accept=c"], false),
        (&["x-none=*"], false),
        (&["user-agent=mobile*"], false),
    ];
    for (texts, keeps) in table {
        let headers = texts.iter().map(|text| text.parse().unwrap()).collect();
        check(
            &Filter {
                headers,
                ..Filter::default()
            },
            keeps,
        );
    }
    for text in ["", "accept", "=x"] {
        assert!(text.parse::<HeaderPattern>().is_err(), "{text}");
    }
}

#[test]
fn what_was_not_seen_does_not_match() {
    let mut unseen = exchange(4, 0);
    unseen.request = None;
    let paths = vec![Pattern::path("/**").unwrap()];
    assert!(
        !Filter {
            paths,
            ..Filter::default()
        }
        .keeps(&unseen)
    );
    assert!(Filter::default().keeps(&unseen));
}

#[test]
fn exchanges_by_id_and_a_sample() {
    let exchanges = [order().id()].into_iter().collect();
    check(
        &Filter {
            exchanges,
            ..Filter::default()
        },
        true,
    );
    let exchanges = [exchange(5, 0).id()].into_iter().collect();
    check(
        &Filter {
            exchanges,
            ..Filter::default()
        },
        false,
    );
    let sample = |by| Some(Sample { share: 0.0, by });
    check(
        &Filter {
            sample: sample(SampleBy::Connection),
            ..Filter::default()
        },
        false,
    );
    assert!(
        Filter {
            sample: sample(SampleBy::Cookie("sid".to_owned())),
            ..Filter::default()
        }
        .needs_headers()
    );
}
