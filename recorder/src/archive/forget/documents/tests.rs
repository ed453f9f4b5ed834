use serde_json::json;

use super::*;

#[test]
fn examples_of_erased_exchanges_go_and_nothing_else() {
    let mut document = json!({
        "run": "a",
        "groups": [
            {"examples": [{"exchange": "1-0", "actual": "x"}, {"exchange": "2-0"}], "sides": {"rows": [1]}},
            {"examples": [{"exchange": "2-0"}], "sides": {"rows": [2]}},
        ],
        "noise": [{"example": "1-0", "left": "x"}, {"example": "3-0", "left": "y"}],
    });
    let ids = ["1-0".to_owned()].into();
    assert!(scrub(&mut document, &ids));
    let expected = json!({
        "run": "a",
        "groups": [
            {"examples": [{"exchange": "2-0"}], "sides": null},
            {"examples": [{"exchange": "2-0"}], "sides": {"rows": [2]}},
        ],
        "noise": [{"example": "3-0", "left": "y"}],
    });
    assert_eq!(document, expected);
    assert!(!scrub(&mut document, &ids));
}
