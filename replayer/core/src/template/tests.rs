use proptest::prelude::*;

use super::*;
use crate::compare::sample::exchange;
use crate::rules::parse_rules;

/// What is learned from requests for these paths, each answered with such a body.
fn learned<'a>(requests: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Templates {
    let mut learner = TemplateLearner::default();
    let exchanges = requests.map(|(path, body)| exchange(path, 200, &[], body.as_bytes()));
    exchanges
        .clone()
        .for_each(|exchange| learner.add(&exchange));
    if learner.needs_forms() {
        exchanges.for_each(|exchange| learner.add_form(&exchange));
    }
    learner.finish(Vec::new())
}

fn endpoint_of(templates: &Templates, path: &str) -> String {
    templates.endpoint(&exchange(path, 200, &[], b""))
}

/// So many names that look like words.
fn names(count: usize) -> Vec<String> {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap());
    let name = |n: usize| {
        [letter(n), letter(n / 26), letter(n / 676), 'x']
            .iter()
            .collect()
    };
    (0..count).map(name).collect()
}

const USER: &str = r#"{"name":"x","address":{"city":"y"}}"#;

#[test]
fn words_become_values_only_where_it_is_plain() {
    let table = [
        // Few that are seen often, however alike: a part of the interface.
        (11, 1, USER, false),
        (40, 3, USER, false),
        (40, 30, USER, false),
        (400, 3, USER, false),
        // A dozen that are seen seldom and answered alike, a hundred whatever is answered, more than any interface has.
        (12, 1, USER, true),
        (40, 2, USER, true),
        (99, 1, "text", false),
        (100, 1, "text", true),
        (401, 30, "text", true),
    ];
    for (count, times, body, is_learned) in table {
        let paths: Vec<String> = names(count)
            .iter()
            .map(|name| format!("/users/{name}/orders/7"))
            .collect();
        let requests = (0..times).flat_map(|_| paths.iter().map(|path| (path.as_str(), body)));
        let templates = learned(requests);
        let name = if is_learned { "{name}" } else { "bob" };
        let expected = format!("GET shop.example /users/{name}/orders/{{id}}");
        assert_eq!(
            endpoint_of(&templates, "/users/bob/orders/7"),
            expected,
            "{count} {times}"
        );
        assert_eq!(templates.described().len(), usize::from(is_learned));
    }
}

#[test]
fn many_numbers_behind_the_same_letters_are_ids() {
    let paths = |count: usize| (1..=count).map(|number| format!("/issue{number}/history"));
    for (count, is_learned) in [(11, false), (12, true), (60, true), (130, true)] {
        let mut paths: Vec<String> = paths(count).collect();
        paths.extend(["/v1/items".to_owned(), "/v2/items".to_owned()]);
        // Often or seldom says nothing here.
        let requests = (0..5).flat_map(|_| paths.iter().map(|path| (path.as_str(), "text")));
        let templates = learned(requests);
        let name = if is_learned { "issue{id}" } else { "issue7" };
        for (path, expected) in [
            ("/issue7/history", format!("/{name}/history")),
            ("/issue777/history", "/issue{id}/history".to_owned()),
            ("/issue/history", "/issue/history".to_owned()),
            ("/v1/items", "/v1/items".to_owned()),
        ] {
            let expected = format!("GET shop.example {expected}");
            assert_eq!(endpoint_of(&templates, path), expected, "{count}");
        }
        assert_eq!(templates.described().len(), usize::from(is_learned));
    }
}

#[test]
fn answers_of_other_forms_are_of_other_endpoints() {
    let paths: Vec<String> = names(40)
        .iter()
        .map(|name| format!("/rpc/{name}"))
        .collect();
    let bodies: Vec<String> = names(40)
        .iter()
        .map(|name| format!("{{\"data\":{{\"{name}\":1}}}}"))
        .collect();
    let requests = || paths.iter().map(String::as_str);
    let each_its_own = requests().zip(bodies.iter().map(String::as_str));
    assert!(learned(each_its_own).described().is_empty());
    assert_eq!(
        learned(requests().map(|path| (path, USER)))
            .described()
            .len(),
        1
    );
    // Nine in ten, and not one fewer; a list may have any length.
    let lists = ["[{\"a\":1}]", "[{\"a\":1},{\"a\":2}]"];
    for (others, is_learned) in [(4, true), (5, false)] {
        let body = |(index, path)| {
            (
                path,
                if index < others {
                    "[]"
                } else {
                    lists[index % 2]
                },
            )
        };
        assert_eq!(
            learned(requests().enumerate().map(body)).described().len() == 1,
            is_learned
        );
    }
}

#[test]
fn a_word_that_comes_often_stays() {
    let mut paths: Vec<String> = names(150)
        .iter()
        .map(|name| format!("/users/{name}"))
        .collect();
    paths.extend(std::iter::repeat_n("/users/search".to_owned(), 20));
    paths.extend(std::iter::repeat_n("/users/42".to_owned(), 20));
    let templates = learned(paths.iter().map(|path| (path.as_str(), "")));
    let described = &templates.described()[0];
    assert_eq!(
        (described.host.as_str(), described.template.as_str()),
        ("shop.example", "/users/{name}")
    );
    assert_eq!(
        (
            described.values,
            described.requests,
            described.words.clone()
        ),
        (150, 150, vec!["search".to_owned()])
    );
    for (path, expected) in [
        ("/users/search", "/users/search"),
        ("/users/42", "/users/{id}"),
        ("/users/nobody-yet", "/users/{name}"),
        ("/users/", "/users/"),
        ("/users", "/users"),
        ("/items/bob", "/items/bob"),
        ("/users/bob/orders", "/users/{name}/orders"),
    ] {
        assert_eq!(
            endpoint_of(&templates, path),
            format!("GET shop.example {expected}")
        );
    }
}

#[test]
fn values_behind_values_are_learned_as_well() {
    let names = names(110);
    let paths: Vec<String> = names
        .iter()
        .flat_map(|user| {
            names
                .iter()
                .step_by(60)
                .map(move |tag| format!("/u/{user}/tags/{user}{tag}"))
        })
        .collect();
    let templates = learned(paths.iter().map(|path| (path.as_str(), "")));
    assert_eq!(
        endpoint_of(&templates, "/u/bob/tags/red"),
        "GET shop.example /u/{name}/tags/{name}"
    );
}

#[test]
fn a_person_has_the_last_word() {
    let text = "[[template]]\npath = \"/users/export\"\n\n[[template]]\nhost = \"*.Example\"\npath = \"/users/{user}/x-{n}\"\n";
    let rules = parse_rules(text, "rules.toml").unwrap();
    let mut learner = TemplateLearner::default();
    for name in names(150) {
        learner.add(&exchange(&format!("/users/{name}"), 200, &[], b""));
    }
    let templates = learner.finish(rules.templates().to_vec());
    for (path, expected) in [
        ("/users/export", "/users/export"),
        ("/users/bob", "/users/{name}"),
        ("/users/42/x-y;v=1", "/users/{user}/x-{n}"),
        ("/users/42/x-", "/users/{id}/x-"),
        ("/users/42/x-y/z", "/users/{id}/x-y/z"),
    ] {
        assert_eq!(
            endpoint_of(&templates, path),
            format!("GET shop.example {expected}")
        );
    }
    let described: Vec<_> = templates
        .described()
        .into_iter()
        .map(|t| (t.host, t.source))
        .collect();
    let line = |host: &str, source: &str| (host.to_owned(), source.to_owned());
    assert_eq!(
        described[..2],
        [line("*", "rules.toml:2"), line("*.example", "rules.toml:6")]
    );
    for path in ["users", "/a/{", "/a/{}", "/a/{b}{c}", "/a?b", "/a/}b{"] {
        let text = format!("[[template]]\npath = \"{path}\"\n");
        let error = parse_rules(&text, "f").unwrap_err().to_string();
        assert!(error.starts_with("f:2: `"), "{error}");
    }
}

#[test]
fn too_many_paths_teach_nothing_and_say_so() {
    let mut learner = TemplateLearner::default();
    for name in names(700) {
        for other in names(400) {
            learner.add(&exchange(&format!("/{name}/{other}"), 200, &[], b""));
        }
    }
    let templates = learner.finish(Vec::new());
    assert!(templates.is_overfull() && templates.described().is_empty());
}

#[test]
fn more_words_than_are_told_apart_are_values() {
    let mut learner = TemplateLearner::default();
    let word = |n: u32| {
        let digits = n.to_string();
        digits
            .bytes()
            .map(|digit| char::from(digit - b'0' + b'a'))
            .collect::<String>()
    };
    for n in 0..20_500 {
        learner.add(&exchange(&format!("/{}/orders", word(n)), 200, &[], b""));
    }
    let templates = learner.finish(Vec::new());
    assert_eq!(
        endpoint_of(&templates, "/bob/orders"),
        "GET shop.example /{name}/orders"
    );
}

proptest! {
    /// Whatever the order of requests, the templates are the same.
    #[test]
    fn order_says_nothing(
        paths in proptest::collection::vec("/(a|b)/[a-e]{1,2}(/[a-c]{1,2})?", 1..400),
        seed: u64,
    ) {
        let mut shuffled = paths.clone();
        let mut state = seed | 1;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, usize::try_from(state >> 33).unwrap() % (index + 1));
        }
        let of = |paths: &[String]| learned(paths.iter().map(|path| (path.as_str(), USER)).collect::<Vec<_>>().into_iter());
        let (there, here) = (of(&paths), of(&shuffled));
        prop_assert_eq!(there.described(), here.described());
        prop_assert_eq!(there.learned, here.learned);
    }
}
