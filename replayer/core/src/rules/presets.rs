//! Presets: differences that every migration meets, each effect with a name of its own so that it is counted apart.
//!
//! * `oracle`: what a move out of an Oracle database changes in how values are written. `''` is NULL there (Oracle SQL
//!   Language Reference, "Nulls"), NUMBER has no scale of its own, CHAR is padded with spaces, a DATE has no fraction and
//!   no zone, a query without ORDER BY has no order, and errors come as `ORA-` codes that an application maps.
//! * `clock`: a time that moved by exactly as much as the two requests are apart.

use std::str::FromStr;

use schema::DivergenceKind;

use super::Between;
use crate::compare::Difference;
use crate::value::{Shape, decimal, parse_time, unquoted};

/// How far from the distance of the two requests a time may have moved, microseconds.
const CLOCK_BOUND_US: i64 = 2_000_000;
const SECOND_US: i64 = 1_000_000;

const NULL: &str = "oracle: '' equals null";
const SCALE: &str = "oracle: number scale";
const PADDING: &str = "oracle: char padding";
const DATE: &str = "oracle: date precision and zone";
const ORDER: &str = "oracle: rows without order by";
const ERROR: &str = "oracle: ora- code to application error";
const CLOCK: &str = "clock: moved with the request";

/// A named set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// What a move out of an Oracle database changes in how values are written.
    Oracle,
    /// Times that moved as the clock did.
    Clock,
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "oracle" => Ok(Self::Oracle),
            "clock" => Ok(Self::Clock),
            _ => Err(format!("`{text}` is no preset; there are oracle and clock")),
        }
    }
}

impl Preset {
    /// Every effect that it can have.
    pub(super) const fn effects(self) -> &'static [&'static str] {
        match self {
            Self::Oracle => &[NULL, SCALE, PADDING, DATE, ORDER, ERROR],
            Self::Clock => &[CLOCK],
        }
    }

    /// The effect that makes the two sides of a difference the same.
    pub(crate) fn effect(self, difference: &Difference, between: Between) -> Option<&'static str> {
        match self {
            Self::Oracle => oracle(difference, between),
            Self::Clock => clock(difference, between).then_some(CLOCK),
        }
    }
}

fn oracle(difference: &Difference, between: Between) -> Option<&'static str> {
    let is_nothing = |text: Option<&str>| matches!(text, None | Some("null" | "\"\""));
    let (left, right) = (difference.expected.as_deref(), difference.actual.as_deref());
    match difference.kind {
        DivergenceKind::Order => return Some(ORDER),
        // Only of a member: an element that is gone is a row that is gone.
        DivergenceKind::Missing | DivergenceKind::Extra => {
            let is_member =
                difference.location.starts_with('$') && !difference.location.ends_with(']');
            return (is_member && is_nothing(left) && is_nothing(right)).then_some(NULL);
        }
        DivergenceKind::Type | DivergenceKind::Value => {}
    }
    if is_nothing(left) && is_nothing(right) {
        return Some(NULL);
    }
    let (left, right) = (left?, right?);
    let is_number = |text: &str| matches!(Shape::of(text, 0), Shape::Integer(_) | Shape::Number(_));
    if is_number(left) && is_number(right) && decimal(left) == decimal(right) {
        return Some(SCALE);
    }
    let (left, right) = (unquoted(left), unquoted(right));
    if left.trim_end_matches(' ') == right.trim_end_matches(' ') {
        return Some(PADDING);
    }
    if left.contains("ORA-") && !right.contains("ORA-") && between.right_status >= Some(400) {
        return Some(ERROR);
    }
    let times = (
        parse_time(&dated(left), between.moments_us.0),
        parse_time(&dated(right), between.moments_us.1),
    );
    let is_same_second = |(a, b): (i64, i64)| a.div_euclid(SECOND_US) == b.div_euclid(SECOND_US);
    times
        .0
        .zip(times.1)
        .is_some_and(is_same_second)
        .then_some(DATE)
}

/// A bare date as the midnight that Oracle's DATE makes of it.
fn dated(text: &str) -> String {
    let is_date = text.len() == 10 && text.as_bytes()[4] == b'-';
    if is_date {
        format!("{text}T00:00:00")
    } else {
        text.to_owned()
    }
}

fn clock(difference: &Difference, between: Between) -> bool {
    let (Some(left), Some(right)) = (&difference.expected, &difference.actual) else {
        return false;
    };
    let moments = between.moments_us;
    match (Shape::of(left, moments.0), Shape::of(right, moments.1)) {
        (Shape::Time(a), Shape::Time(b)) => {
            ((b - a) - (moments.1 - moments.0)).abs() <= CLOCK_BOUND_US
        }
        _ => false,
    }
}
