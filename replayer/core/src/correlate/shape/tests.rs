use super::*;

#[test]
fn random_values_are_told_from_words_dates_and_paths() {
    let random = [
        "9f86d081884c7d659a2feaa0c55ad015",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "p-3f9a0c7e1b52d864fa07c39e",
        "Zm9vYmFyMTIzNDU2Nzg5MA==",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "s%3AaZ3kP0qLx9Vb7Nc2.Tm4Rw8Yd1",
        "01HF7YAT00R1A2B3C4D5E6F7G8",
        "1234567890123456789",
        "a8mk2v9q0zx7tb4n5c1w3r6y8u",
    ];
    let plain = [
        "",
        "short1A2b3C",
        "Kitchen-Chair-2000-oak",
        "getCustomerOrderListByName",
        "2026-11-22T13:00:00.123456Z",
        "2026-11-22",
        "1795352400000000",
        "application/vnd.api+json",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "a long text with 16 letters 1 2 3",
        "jane.doe1985@example.com",
        "INVOICE-2026-000000000001",
    ];
    for text in random {
        assert!(is_random(text), "{text}");
    }
    for text in plain {
        assert!(!is_random(text), "{text}");
    }
}

#[test]
fn parts_that_stand_for_each_other() {
    type Pairs = [(&'static str, &'static str)];
    let cases: [(&str, &str, &Pairs); 9] = [
        ("abc", "abc", &[]),
        ("abc", "xyz", &[("abc", "xyz")]),
        ("/orders/42", "/orders/57", &[("42", "57")]),
        (
            "http://shop.test/orders/42?t=a#x",
            "http://127.0.0.1:8080/orders/57?t=b#x",
            &[("42", "57"), ("a", "b")],
        ),
        ("Bearer abc", "Bearer xyz", &[("abc", "xyz")]),
        // Base64 is one value, whatever is in it.
        ("ab/c=", "xyzz", &[("ab/c=", "xyzz")]),
        ("/a/b", "/a/b/c", &[("/a/b", "/a/b/c")]),
        ("W/\"abc\"", "W/\"xyz\"", &[("abc", "xyz")]),
        ("a=1&b=2", "a=1&b=3", &[("2", "3")]),
    ];
    for (recorded, actual, expected) in cases {
        assert_eq!(counterparts(recorded, actual), expected, "{recorded}");
    }
}

#[test]
fn names_that_say_enough() {
    for name in [
        "csrfmiddlewaretoken",
        "X-XSRF-Token",
        "__VIEWSTATE",
        "session_id",
    ] {
        assert!(is_token_name(name), "{name}");
    }
    assert!(!is_token_name("name"));
    assert!(is_particular("abcd1234") && is_particular("abcdEFGH"));
    assert!(!is_particular("abcdefgh") && !is_particular("abc1") && !is_particular("abcd 1234"));
}
