//! Points in time as services write them. `named`: those with the name of their month.

mod named;

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;
/// How far from now a bare number may be to be read as a time.
const NEAR_US: i64 = 10 * 365 * DAY_US;

/// Microseconds since 1970 of a date with a time of day (RFC 3339; `T`, `_` or a space between; without a zone it is taken
/// as UTC), one with the name of its month such as an IMF-fixdate (RFC 9110 section 5.6.7), or a Unix time in seconds to
/// microseconds near `now_us`.
pub(crate) fn parse_time(text: &str, now_us: i64) -> Option<i64> {
    unix(text, now_us)
        .or_else(|| iso(text))
        .or_else(|| named::parse(text))
}

/// How a time is written, whatever time it is, and how many digits its seconds have behind the point: digits become `0` (one or
/// two in a row are one), and names of days and months `a`. The digits of an offset from UTC and the name of a zone stay: a time in
/// another zone is written in another way.
pub(crate) fn time_form(text: &str) -> (String, usize) {
    let mut form = String::with_capacity(text.len());
    let (mut fraction, mut rest) = (0, text);
    while let Some(first) = rest.chars().next() {
        let class = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
        let is_one = class(first) == (false, false);
        let end = if is_one {
            first.len_utf8()
        } else {
            rest.find(|c| class(c) != class(first))
                .unwrap_or(rest.len())
        };
        let (run, next) = rest.split_at(end);
        if first.is_ascii_digit() && (form.ends_with(":0.") || form.ends_with(":0,")) {
            fraction = run.len();
            form.truncate(form.len() - 1);
        } else if first.is_ascii_digit() && is_offset(&form) {
            form.push_str(run);
        } else if first.is_ascii_digit() && run.len() > 2 {
            form.extend(std::iter::repeat_n('0', run.len()));
        } else if first.is_ascii_digit() {
            form.push('0');
        } else if matches!(run, "GMT" | "UTC") {
            form.push_str(run);
        } else if first.is_alphabetic() && (run.len() > 2 || matches!(run, "AM" | "PM")) {
            form.push('a');
        } else {
            form.push_str(run);
        }
        rest = next;
    }
    (form, fraction)
}

/// Whether digits behind this form are of an offset: there is a sign behind a time of day.
fn is_offset(form: &str) -> bool {
    let sign = form.rfind(['+', '-']);
    sign.is_some_and(|sign| form[..sign].contains(':') && !form[sign..].contains(' '))
}

/// How far from its request the time of an answer may be.
const NOW_US: i64 = 5 * SECOND_US;

/// The text with each time within 5 s of `now_us` as how it is written; `None` if it has none.
pub(crate) fn without_now(text: &str, now_us: i64) -> Option<String> {
    let (mut new, mut found, mut rest) = (String::with_capacity(text.len()), false, text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        new.push_str(&rest[..start]);
        rest = &rest[start..];
        let (end, us) = first_time(rest, now_us);
        let word = &rest[..end];
        if us.is_some_and(|us| (us - now_us).abs() <= NOW_US) {
            let (form, digits) = time_form(word);
            new.push_str(&form);
            new.push_str(&digits.to_string());
            found = true;
        } else {
            new.push_str(word);
        }
        rest = &rest[end..];
    }
    new.push_str(rest);
    found.then_some(new)
}

/// Length of the time or the word that a text begins with, and when the time is.
fn first_time(text: &str, now_us: i64) -> (usize, Option<i64>) {
    if let Some((end, us)) = named::prefix(text) {
        return (end, Some(us));
    }
    let ends = |is_part: fn(char) -> bool, from: usize| {
        let rest = &text[from..];
        from + rest.find(|c| !is_part(c)).unwrap_or(rest.len())
    };
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return (ends(|c| c.is_ascii_alphabetic(), 0), None);
    }
    let is_part: fn(char) -> bool =
        |c| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | ':' | '.' | '+' | '-');
    let mut end = ends(is_part, 0);
    // A date, and behind a space the time of day.
    if end == 10 && text[end..].starts_with(' ') {
        end = ends(is_part, end + 1);
    }
    let word = text[..end].trim_end_matches(['.', '-', ':', ' ']);
    (word.len(), parse_time(word, now_us))
}

fn unix(text: &str, now_us: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let unit = match whole.len() {
        10 => SECOND_US,
        13 if fraction.is_empty() => 1_000,
        16 if fraction.is_empty() => 1,
        _ => return None,
    };
    let mut us = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    if !fraction.is_empty() {
        us += micros_of(fraction)?;
    }
    ((us - now_us).abs() < NEAR_US).then_some(us)
}

fn iso(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 16 || !text.is_ascii() || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    if !matches!(bytes[10], b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let (date, time) = (&text[..10], &text[11..]);
    let day = days(
        number(&date[..4])?,
        number(&date[5..7])?,
        number(&date[8..])?,
    )?;
    let zone_at = time.find(['Z', 'z', '+', '-', ' ']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    Some(day * DAY_US + clock_us(clock)? - zone_us(zone.trim_start())?)
}

fn clock_us(clock: &str) -> Option<i64> {
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().unwrap_or("0");
    let (second, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, ""));
    let second = number(second)?;
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let us = ((hour * 60 + minute) * 60 + second) * SECOND_US;
    Some(
        us + if fraction.is_empty() {
            0
        } else {
            micros_of(fraction)?
        },
    )
}

fn zone_us(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') if zone.len() <= 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    Some(sign * (hours * 60 + minutes) * 60 * SECOND_US)
}

/// Microseconds of the digits behind a point.
fn micros_of(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    Some(digits.fold(0, |us, digit| us * 10 + i64::from(digit - b'0')))
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}
