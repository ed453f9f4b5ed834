use super::*;
use crate::compare::sample::exchange;

#[test]
fn templates() {
    for (path, expected) in [
        ("/", "/"),
        ("/orders", "/orders"),
        ("/orders/", "/orders/"),
        ("/orders/42", "/orders/{id}"),
        ("/orders/42/items/7", "/orders/{id}/items/{id}"),
        (
            "/items/6f1c2a3b-1111-2222-3333-444455556666",
            "/items/{uuid}",
        ),
        ("/days/2026-11-22", "/days/{date}"),
        ("/days/2026-11-22T13:00:00Z", "/days/{date}"),
        ("/blobs/9f86d081", "/blobs/{hex}"),
        ("/blobs/deadbeef", "/blobs/deadbeef"),
        ("/s/AbCdEf0123456789GhIjKlMn", "/s/{token}"),
        ("/tickets/ORD-000123", "/tickets/ORD-{id}"),
        ("/api/v1/users", "/api/v1/users"),
        ("/oauth2/token", "/oauth2/token"),
        ("/reports/42.pdf", "/reports/{id}.pdf"),
        ("/app.min.js", "/app.min.js"),
        ("/cart;jsessionid=1234ABCD/items", "/cart/items"),
        ("/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "/a/b/c/d/e/f/g/h/i/j/k/l/…"),
        ("*", "*"),
        ("shop.example:443", "shop.example:443"),
        ("//x", "//x"),
    ] {
        assert_eq!(template(path), expected, "{path}");
    }
}

#[test]
fn an_endpoint_is_method_host_and_template() {
    let mut sample = exchange("/orders/42", 200, &[], b"");
    assert_eq!(of(&sample), "GET shop.example /orders/{id}");
    sample.request.as_mut().unwrap().host = Some("Shop.Example:8080".to_owned());
    assert_eq!(of(&sample), "GET shop.example:8080 /orders/{id}");
    sample.request.as_mut().unwrap().host = None;
    assert_eq!(of(&sample), "GET - /orders/{id}");
    sample.request = None;
    assert_eq!(of(&sample), "no request");
}

#[test]
fn a_long_path_is_cut_between_characters() {
    let endpoint = of(&exchange(&format!("/{}", "ä".repeat(40)), 200, &[], b""));
    assert!(endpoint.len() <= ENDPOINT_BYTES_MAX + 3, "{endpoint}");
    let path = "/é".repeat(11) + &"/ü-x".repeat(90);
    let endpoint = of(&exchange(&path, 200, &[], b""));
    assert!(endpoint.ends_with('…'), "{endpoint}");
}

#[test]
fn a_placeholder_in_a_glob_stands_for_itself() {
    for (text, endpoint, is_match) in [
        ("GET * /orders/{id}", "GET shop.test /orders/{id}", true),
        ("GET * /orders/{id}", "GET shop.test /orders/id", false),
        (
            "GET * /orders/{id}",
            "GET shop.test /orders/{id}/items",
            false,
        ),
        (
            "GET * /{orders,users}/{id}",
            "GET shop.test /users/{id}",
            true,
        ),
        (
            "GET * /{orders,users}/{id}",
            "GET shop.test /items/{id}",
            false,
        ),
        ("* /tickets/ORD-{id}", "GET h /tickets/ORD-{id}", true),
    ] {
        assert_eq!(
            glob(text).unwrap().is_match(endpoint),
            is_match,
            "{text} {endpoint}"
        );
    }
    assert!(glob("GET * /[a").is_err());
    for endpoint in [
        "GET h /a/{id}/b",
        "OPTIONS h *",
        "GET h /a[1]/x,y",
        "GET h /{a}{b}",
        "GET h /{a,b}/x",
        "GET h /a{",
        "GET h /}{",
        r"GET h /a\b",
    ] {
        let exact = glob(&glob_of(endpoint)).unwrap();
        assert!(exact.is_match(endpoint), "{endpoint}");
        assert!(!exact.is_match(format!("{endpoint}x")));
    }
}
