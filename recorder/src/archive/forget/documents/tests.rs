use serde_json::json;

use super::*;

#[test]
fn examples_of_erased_exchanges_go_and_nothing_else() {
    let mut document = json!({
        "run": "a",
        "groups": [
            {"examples": [{"exchange": "1-0", "actual": "x"}, {"exchange": "2-0"}], "sides": {"rows": [1]}},
            {"examples": [{"exchange": "2-0"}], "sides": {"rows": [2]}, "script": "curl", "reproducer": ["2-0"]},
            {"examples": [], "sides": {"rows": [3]}, "script": "curl", "reproducer": ["1-0", "2-0"]},
        ],
        "noise": [{"example": "1-0", "left": "x"}, {"example": "3-0", "left": "y"}],
    });
    let is_erased = |text: &str| text == "1-0";
    assert!(scrub(&mut document, &is_erased));
    let expected = json!({
        "run": "a",
        "groups": [
            {"examples": [{"exchange": "2-0"}], "sides": null},
            {"examples": [{"exchange": "2-0"}], "sides": {"rows": [2]}, "script": "curl", "reproducer": ["2-0"]},
            {"examples": [], "sides": null, "script": ERASED_SCRIPT, "reproducer": ["2-0"]},
        ],
        "noise": [{"example": "3-0", "left": "y"}],
    });
    assert_eq!(document, expected);
    assert!(!scrub(&mut document, &is_erased));
}
