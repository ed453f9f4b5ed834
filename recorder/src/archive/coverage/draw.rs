//! Coverage for people: a line for each source, a character for some minutes, and what was lost in words.

use std::fmt::{self, Write as _};

use schema::TimeWindow;
use schema::coverage::{Lane, Loss, State, Stretch};

use super::Report;
use crate::units::count;

/// Sources that are drawn.
const SOURCES_SHOWN_MAX: usize = 20;
/// Losses that are listed.
const LOSSES_SHOWN_MAX: usize = 20;
/// Columns of the longest name of a source; a longer one is cut.
const NAME_COLUMNS_MAX: usize = 32;
/// Fewest columns of a timeline, however narrow the terminal is.
const COLUMNS_MIN: usize = 20;
/// How many minutes a column may stand for.
const MINUTES_A_COLUMN: [u64; 14] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1_440];
/// Columns from one time of the ruler to the next.
const RULER_COLUMNS: usize = 20;

/// The report as text, no line of it longer than `width` where that can be helped.
pub(super) fn text(report: &Report, window: TimeWindow, width: usize) -> String {
    let mut text = String::new();
    write_text(&mut text, report, window, width).expect("writing to a string cannot fail");
    text
}

fn write_text(text: &mut String, report: &Report, window: TimeWindow, width: usize) -> fmt::Result {
    let coverage = &report.coverage;
    writeln!(text, "{}", report.archive)?;
    writeln!(text, "from {} to {}", report.from, report.to)?;
    writeln!(
        text,
        "{} of {} minutes recorded, by {}: {} frames, {} exchanges, {} of them incomplete\n",
        count(coverage.minutes_recorded),
        count(coverage.minutes),
        if coverage.recorders.is_empty() {
            "nobody".to_owned()
        } else {
            coverage.recorders.join(", ")
        },
        count(coverage.frames),
        count(coverage.exchanges),
        count(coverage.exchanges_incomplete),
    )?;
    write_timeline(text, report, window, width)?;
    write_losses(text, report)?;
    if let Some(left_out) = &report.left_out {
        writeln!(text, "Left out: {left_out}")?;
    }
    if report.whole {
        return writeln!(
            text,
            "Whole: every minute was recorded, and nothing was lost."
        );
    }
    writeln!(text, "Not whole:")?;
    for warning in &report.warnings {
        writeln!(text, "  - {warning}")?;
    }
    Ok(())
}

fn write_timeline(
    text: &mut String,
    report: &Report,
    window: TimeWindow,
    width: usize,
) -> fmt::Result {
    let sources = &report.timeline.sources;
    let shown = &sources[..sources.len().min(SOURCES_SHOWN_MAX)];
    let mut lanes = vec![("everything".to_owned(), &report.timeline.all)];
    // One source is everything.
    if report.timeline.sources_total > 1 {
        lanes.extend(shown.iter().map(|lane| (name(lane), lane)));
    }
    let names = lanes.iter().map(|(name, _)| name.chars().count()).max();
    let names = names.unwrap_or(0);
    let columns_max = width.saturating_sub(names + 2).max(COLUMNS_MIN) as u64;
    let minutes = report.coverage.minutes;
    let fitting = MINUTES_A_COLUMN
        .into_iter()
        .find(|a_column| minutes.div_ceil(*a_column) <= columns_max);
    // Whole days beyond a day.
    let a_column = fitting.unwrap_or_else(|| minutes.div_ceil(columns_max).div_ceil(1_440) * 1_440);

    writeln!(text, "{:names$}  {}", "", ruler(window, minutes, a_column))?;
    let mut seen = Vec::new();
    for (name, lane) in lanes {
        let states = columns(lane, a_column);
        let line: String = states.iter().map(|state| mark(*state)).collect();
        writeln!(text, "{name:names$}  {line}")?;
        seen.extend(states);
    }
    let more = report
        .timeline
        .sources_total
        .saturating_sub(shown.len() as u64);
    if report.timeline.sources_total > 1 && more > 0 {
        writeln!(text, "{} more sources; see --json", count(more))?;
    }
    let unit = if a_column == 1 {
        "A column is a minute".to_owned()
    } else {
        format!(
            "A column is {}, of which the worst is shown",
            minutes_text(a_column)
        )
    };
    writeln!(text, "\n{unit}:")?;
    for state in State::ALL.iter().filter(|state| seen.contains(state)) {
        writeln!(text, "  {}  {}", mark(*state), meaning(*state))?;
    }
    writeln!(text)
}

/// Times above the first column and every twentieth.
fn ruler(window: TimeWindow, minutes: u64, a_column: u64) -> String {
    let columns = usize::try_from(minutes.div_ceil(a_column)).unwrap_or(usize::MAX);
    let mut ruler = String::new();
    let mut column = 0;
    while column < columns {
        let minutes = a_column.saturating_mul(column as u64);
        let at = std::time::Duration::from_secs(minutes.saturating_mul(60));
        let at = window.start.minute().saturating_add(at).to_string();
        // Of 2026-11-22T13:05:07.000250Z.
        let shown = if minutes_of(window) > 1_440 {
            at.get(5..16)
        } else {
            at.get(11..16)
        };
        let shown = shown.unwrap_or_default().replace('T', " ");
        let _ = write!(ruler, "{shown:RULER_COLUMNS$}");
        column += RULER_COLUMNS;
    }
    ruler.trim_end().to_owned()
}

fn minutes_of(window: TimeWindow) -> u64 {
    window.duration().as_secs() / 60
}

/// The worst state of each column.
fn columns(lane: &Lane, a_column: u64) -> Vec<State> {
    let mut columns: Vec<State> = Vec::new();
    let mut minute = 0;
    for stretch in &lane.stretches {
        let end = minute + stretch.minutes;
        for column in minute / a_column..=(end - 1) / a_column {
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            match columns.get_mut(column) {
                Some(state) => *state = (*state).max(stretch.state),
                None => columns.push(stretch.state),
            }
        }
        minute = end;
    }
    columns
}

/// How a state is drawn. Readable without colour, and the worse it is, the emptier or stranger.
const fn mark(state: State) -> char {
    match state {
        State::Quiet => '-',
        State::Whole => '#',
        State::LeftOut => 's',
        State::Gaps => 'g',
        State::Truncated => 't',
        State::Dropped => 'd',
        State::RecorderDown => 'r',
        State::Interrupted => 'i',
        State::Lost => 'x',
        State::NotRecorded => '_',
    }
}

const fn meaning(state: State) -> &'static str {
    match state {
        State::Quiet => "recorded, and nothing came",
        State::Whole => "recorded, nothing lost",
        State::LeftOut => "sampling or filters left exchanges out: by choice, not lost",
        State::Gaps => "the mirror lost bytes",
        State::Truncated => "the mirror cut frames",
        State::Dropped => "frames were dropped before they could be recorded",
        State::RecorderDown => "one recorder was down while another one recorded",
        State::Interrupted => "a recorder ended without being told to",
        State::Lost => "exchanges were lost after they were recorded",
        State::NotRecorded => "not recorded: no recorder was there",
    }
}

/// Where something was lost, when, and how much.
fn write_losses(text: &mut String, report: &Report) -> fmt::Result {
    let timeline = &report.timeline;
    let holes = timeline
        .all
        .stretches
        .iter()
        .filter(|stretch| matches!(stretch.state, State::NotRecorded | State::RecorderDown));
    let mut lines: Vec<(&Stretch, String)> = holes
        .map(|stretch| (stretch, meaning(stretch.state).to_owned()))
        .collect();
    for lane in &timeline.sources {
        for stretch in &lane.stretches {
            let losses: Vec<String> = stretch
                .losses
                .iter()
                .filter(|loss| loss.cause != State::LeftOut)
                .map(in_words)
                .collect();
            if !losses.is_empty() {
                lines.push((stretch, format!("{}: {}", name(lane), losses.join(", "))));
            }
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    lines.sort_by(|(a, _), (b, _)| a.from.cmp(&b.from));
    writeln!(text, "{:<16}  {:>10}  what was lost", "from", "for")?;
    for (stretch, line) in lines.iter().take(LOSSES_SHOWN_MAX) {
        let from = stretch.from.get(..16).unwrap_or_default().replace('T', " ");
        writeln!(
            text,
            "{from}  {:>10}  {line}",
            minutes_text(stretch.minutes)
        )?;
    }
    if let Some(more) = lines
        .len()
        .checked_sub(LOSSES_SHOWN_MAX)
        .filter(|more| *more > 0)
    {
        writeln!(text, "{more} more; see --json")?;
    }
    writeln!(text)
}

fn in_words(loss: &Loss) -> String {
    let number = count(loss.count);
    match loss.cause {
        State::LeftOut => format!("{number} exchanges left out"),
        State::Gaps => format!("{number} bytes missing"),
        State::Truncated => format!("{number} frames cut"),
        State::Dropped => format!("{number} frames dropped"),
        State::RecorderDown => format!("{number} recorders down"),
        State::Interrupted => format!("{number} times ended without being told to"),
        State::Lost => format!("{number} exchanges lost after they were recorded"),
        State::Quiet | State::Whole | State::NotRecorded => number,
    }
}

/// A number of minutes in its two largest units.
fn minutes_text(minutes: u64) -> String {
    let parts = [
        (minutes / 1_440, "d"),
        (minutes / 60 % 24, "h"),
        (minutes % 60, "min"),
    ];
    let parts = parts.iter().skip_while(|(number, _)| *number == 0).take(2);
    let parts = parts.filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    parts.join(" ")
}

/// What a source is called.
fn name(lane: &Lane) -> String {
    let Some(recorder) = &lane.recorder else {
        return "all other sources".to_owned();
    };
    let mut name = recorder.clone();
    if let Some(source) = &lane.source {
        name.push(' ');
        name.push_str(source);
    }
    if let Some(vni) = lane.vni {
        let _ = write!(name, " vni {vni}");
    }
    if name.chars().count() > NAME_COLUMNS_MAX {
        name = name.chars().take(NAME_COLUMNS_MAX - 1).collect();
        name.push('~');
    }
    name
}

#[cfg(test)]
mod tests;
