//! Two lists of lines side by side: lines that differ, with a few equal ones around them.

use schema::run::DiffRow;

use crate::compare::excerpt;
use crate::line_diff::pairs;

/// Equal lines that a report keeps before and after a difference.
pub const CONTEXT: usize = 3;

/// Bytes of a line that are shown.
const LINE_BYTES_MAX: usize = 240;

/// The rows of a side-by-side view with `context` equal lines around each difference, at most `rows_max`, and how many
/// rows were left out at the end.
#[must_use]
pub fn side_by_side(
    expected: &[String],
    actual: &[String],
    context: usize,
    rows_max: usize,
) -> (Vec<DiffRow>, u64) {
    let rows = pairs(expected, actual);
    let is_changed = |&(left, right): &(Option<usize>, Option<usize>)| match (left, right) {
        (Some(left), Some(right)) => expected[left] != actual[right],
        _ => true,
    };
    let changed: Vec<bool> = rows.iter().map(is_changed).collect();
    let is_near = |index: usize| {
        let from = index.saturating_sub(context);
        let to = index
            .saturating_add(context)
            .saturating_add(1)
            .min(changed.len());
        changed[from..to].contains(&true)
    };
    let mut shown = Vec::new();
    let mut left_out = 0;
    let mut leapt = false;
    for (index, &(left, right)) in rows.iter().enumerate() {
        if !is_near(index) {
            leapt = true;
            continue;
        }
        if shown.len() >= rows_max {
            left_out += 1;
            continue;
        }
        if std::mem::take(&mut leapt) {
            shown.push(DiffRow {
                expected: None,
                actual: None,
            });
        }
        shown.push(row(
            left.map(|line| expected[line].as_str()),
            right.map(|line| actual[line].as_str()),
        ));
    }
    (shown, left_out)
}

fn row(expected: Option<&str>, actual: Option<&str>) -> DiffRow {
    let (expected, actual) = match (expected, actual) {
        (Some(expected), Some(actual)) => {
            let (expected, actual) = excerpt::pair(expected, actual, LINE_BYTES_MAX);
            (Some(expected), Some(actual))
        }
        (expected, actual) => {
            let cut = |line: &str| excerpt::beginning(line, LINE_BYTES_MAX);
            (expected.map(cut), actual.map(cut))
        }
    };
    DiffRow { expected, actual }
}
