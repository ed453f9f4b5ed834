//! A real browser: headless Chromium, driven by `tests/python/browser.py`.

use std::path::Path;

use serde_json::Value;

/// Opens a page and does to it what `steps` say, each an object with one member; gives what each step gave.
///
/// # Panics
/// If Chromium is missing, an expression throws, or it takes longer than [`TIME_LIMIT`](crate::TIME_LIMIT).
#[must_use]
pub fn browse(page: &Path, steps: &[Value]) -> Vec<Value> {
    let script = crate::workspace().join("tests/python/browser.py");
    let steps = serde_json::to_vec(steps).expect("steps are JSON");
    let ran = crate::run_with_input(crate::python().arg(script).arg(page), &steps);
    let ran = ran.expect_code(0);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}
