//! Up to three answers to one request, line by line.

use schema::Exchange;
use schema::comparison::{SideBySide, SideRow};

use super::lines::{Lines, answer_lines};
use super::side_by_side::CONTEXT;
use crate::compare::excerpt;
use crate::line_diff::pairs;

/// Rows that are kept.
const ROWS_MAX: usize = 60;
/// Bytes of a line that are shown.
const LINE_BYTES_MAX: usize = 240;

/// Lays three answers beside each other, as far as they are there; `None` if the baseline or the candidate has none.
#[must_use]
pub(crate) fn three_way(
    recorded: Option<&Exchange>,
    baseline: &Exchange,
    candidate: &Exchange,
) -> Option<SideBySide> {
    let (base, new) = (baseline.response.as_ref()?, candidate.response.as_ref()?);
    let Lines {
        expected: base_lines,
        actual: new_lines,
    } = answer_lines(base, new);
    let old = recorded.and_then(|recorded| recorded.response.as_ref());
    let old_lines = old.map(|old| answer_lines(base, old).actual);
    let rows = merge(&base_lines, &new_lines, old_lines.as_deref());
    Some(shown(&rows, old_lines.is_some()))
}

/// One row for each line of the baseline, with its like on both sides, and for each line that only they have.
fn merge(base: &[String], new: &[String], old: Option<&[String]>) -> Vec<SideRow> {
    let of_new = pairs(base, new);
    let of_old = old.map(|old| pairs(base, old)).unwrap_or_default();
    let mut rows = Vec::new();
    let mut at = 0;
    let text = |lines: &[String], line: Option<usize>| line.map(|line| lines[line].clone());
    for (left, right) in of_new {
        let mut partner = None;
        if left.is_some() {
            // Lines that only the recording has come before the line that follows them.
            while let Some(&(None, old_line)) = of_old.get(at) {
                rows.push(SideRow {
                    recorded: old.and_then(|old| text(old, old_line)),
                    ..SideRow::default()
                });
                at += 1;
            }
            partner = of_old.get(at).and_then(|(_, old_line)| *old_line);
            at += 1;
        }
        rows.push(SideRow {
            recorded: old.and_then(|old| text(old, partner)),
            baseline: text(base, left),
            candidate: text(new, right),
        });
    }
    for (_, old_line) in of_old.get(at..).unwrap_or_default() {
        rows.push(SideRow {
            recorded: old.and_then(|old| text(old, *old_line)),
            ..SideRow::default()
        });
    }
    rows
}

fn shown(rows: &[SideRow], has_recorded: bool) -> SideBySide {
    let differs = |row: &SideRow| {
        row.baseline != row.candidate || (has_recorded && row.recorded != row.baseline)
    };
    let changed: Vec<bool> = rows.iter().map(differs).collect();
    let mut sides = SideBySide::default();
    let mut leapt = false;
    for (index, row) in rows.iter().enumerate() {
        let from = index.saturating_sub(CONTEXT);
        let to = (index + CONTEXT + 1).min(rows.len());
        if !changed[from..to].contains(&true) {
            leapt = true;
            continue;
        }
        if sides.rows.len() >= ROWS_MAX {
            sides.rows_left_out += 1;
            continue;
        }
        if std::mem::take(&mut leapt) {
            sides.rows.push(SideRow::default());
        }
        let cut = |line: &Option<String>| {
            line.as_deref()
                .map(|line| excerpt::beginning(line, LINE_BYTES_MAX))
        };
        sides.rows.push(SideRow {
            recorded: cut(&row.recorded),
            baseline: cut(&row.baseline),
            candidate: cut(&row.candidate),
        });
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::sample;

    #[test]
    fn three_answers_stand_beside_each_other() {
        let answer = |body: &str| sample::exchange("/a", 200, &[], body.as_bytes());
        let (old, base) = (answer(r#"{"a":1,"b":2,"z":0}"#), answer(r#"{"a":1,"b":3}"#));
        let sides = three_way(Some(&old), &base, &answer(r#"{"a":9,"b":3}"#)).unwrap();
        let line = |text: &Option<String>| text.as_deref().unwrap_or("-").trim().to_owned();
        let rows: Vec<String> = sides
            .rows
            .iter()
            .map(|row| {
                format!(
                    "{} | {} | {}",
                    line(&row.recorded),
                    line(&row.baseline),
                    line(&row.candidate)
                )
            })
            .collect();
        assert!(
            rows.contains(&"\"a\": 1, | \"a\": 1, | \"a\": 9,".to_owned()),
            "{rows:#?}"
        );
        assert!(
            rows.contains(&"\"b\": 2, | \"b\": 3 | \"b\": 3".to_owned()),
            "{rows:#?}"
        );
        assert!(rows.contains(&"\"z\": 0 | - | -".to_owned()), "{rows:#?}");
    }

    #[test]
    fn xml_and_html_in_one_line_are_laid_out() {
        let answer = |kind: &str, body: &str| {
            sample::exchange("/a", 200, &[("Content-Type", kind)], body.as_bytes())
        };
        for (kind, old, new, rows) in [
            (
                "application/xml",
                "<a x=\"1\"><b>1</b><b>2</b><c/></a>",
                "<a x=\"1\"><b>1</b><b>3</b><c/></a>",
                [
                    "  <b>1</b>=  <b>1</b>",
                    "  <b>2</b>=  <b>3</b>",
                    "  <c/>=  <c/>",
                ],
            ),
            (
                "text/html",
                "<ul><li>1</li><li>2</li></ul>",
                "<ul><li>1</li><li>3</li></ul>",
                ["<li>=<li>", "2=3", "</li>=</li>"],
            ),
        ] {
            let sides = three_way(None, &answer(kind, old), &answer(kind, new)).unwrap();
            let text = |side: &Option<String>| side.clone().unwrap_or_default();
            let shown = sides.rows.iter();
            let shown: Vec<String> = shown
                .map(|row| format!("{}={}", text(&row.baseline), text(&row.candidate)))
                .collect();
            let at = shown.iter().position(|row| row == rows[1]).unwrap();
            assert_eq!(shown[at - 1..=at + 1], rows, "{kind}");
        }
    }
}
