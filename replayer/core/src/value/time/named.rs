//! Times with the name of their month, as header fields, mails and languages' own printing have them.

use super::{DAY_US, clock_us, days, number, zone_us};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
/// Words of the longest form, which is `Thu Nov 26 2026 12:00:00 GMT+0000`; more are no time.
const WORDS_MAX: usize = 8;

/// Microseconds since 1970 of an IMF-fixdate or one of its obsolete forms (RFC 9110 section 5.6.7), a date of mail (RFC 5322
/// section 3.3) or of a cookie (`Thu, 26-Nov-2026 12:00:00 GMT`), and of what JavaScript and C print. Without a zone it is taken
/// as UTC.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut day, mut month, mut year, mut clock, mut zone) = (None, None, None, None, None);
    let words = text.split([' ', ',']).flat_map(|word| {
        let is_date = word.contains('-') && word.bytes().any(|byte| byte.is_ascii_lowercase());
        word.split(move |c| is_date && c == '-')
    });
    for (place, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if place == WORDS_MAX {
            return None;
        }
        if place == 0 && is_weekday(word) {
            continue;
        }
        let slot = if word.contains(':') {
            (&mut clock, clock_us(word)?)
        } else if let Some(of_year) = MONTHS.iter().position(|name| *name == word) {
            (&mut month, i64::try_from(of_year).ok()? + 1)
        } else if let Some(value) = number(word) {
            match word.len() {
                1 | 2 if day.is_none() => (&mut day, value),
                2 => (&mut year, value + if value < 70 { 2_000 } else { 1_900 }),
                4 => (&mut year, value),
                _ => return None,
            }
        } else {
            let offset = ["GMT", "UTC", "UT"]
                .iter()
                .find_map(|name| word.strip_prefix(name));
            (&mut zone, zone_us(offset.unwrap_or(word))?)
        };
        if slot.0.replace(slot.1).is_some() {
            return None;
        }
    }
    Some(days(year?, month?, day?)? * DAY_US + clock? - zone.unwrap_or(0))
}

/// The longest such time that a text begins with: its length, and when it is.
pub(super) fn prefix(text: &str) -> Option<(usize, i64)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '+' | '-' | '.');
    let first = text.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    let is_day = first.len() <= 2 && number(first).is_some();
    if !is_day && !is_weekday(first) && !MONTHS.contains(&first) {
        return None;
    }
    let (mut end, mut found) = (0, None);
    for _ in 0..WORDS_MAX {
        let rest = &text[end..];
        let between = rest.find(|c| !matches!(c, ' ' | ','))?;
        let word = rest[between..].find(|c| !is_part(c));
        let next = word.map_or(text.len(), |length| end + between + length);
        if next == end + between || between > 2 {
            break;
        }
        end = next;
        let word = text[..end].trim_end_matches(['.', '-', ':', '+']);
        found = parse(word).map(|us| (word.len(), us)).or(found);
        if end == text.len() {
            break;
        }
    }
    found
}

/// Whether it is the name of a day, whole or its first three letters.
fn is_weekday(word: &str) -> bool {
    let mut names = WEEKDAYS.iter();
    names.any(|name| *name == word || name.get(..3) == Some(word))
}
