//! Which element of one array stands for which of the other, where they are not alike place by place.
//!
//! Rows that come back in another order, or one row fewer, must be told as that, and not as a difference in every row. Two
//! elements are alike if they share the value of a member that names them (a `key`: unique on both sides), or, where no
//! member does, if they are equal. What is left over is paired in order where both sides have as many left, and is missing
//! or extra otherwise.

use std::hash::{Hash as _, Hasher as _};

use rustc_hash::{FxHashMap, FxHasher};

use super::json::{Json, same};

/// Longest array that is aligned; a longer one is compared place by place.
const ELEMENTS_MAX: usize = 100_000;
/// Members of an element that are tried as a key.
const KEYS_TRIED_MAX: usize = 16;

/// How two arrays stand to each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Alignment {
    /// Places of elements that stand for each other, in the order of the expected side.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Places of expected elements that are not there.
    pub(super) missing: Vec<usize>,
    /// Places of elements that were not expected.
    pub(super) extra: Vec<usize>,
    /// Whether elements that are there on both sides are in another order.
    pub(super) is_reordered: bool,
}

/// Aligns two arrays, by the member `key` if one is given; `None` where place by place is as good.
pub(super) fn align(
    expected: &[Json<'_>],
    actual: &[Json<'_>],
    key: Option<&str>,
) -> Option<Alignment> {
    let longest = expected.len().max(actual.len());
    if !(2..=ELEMENTS_MAX).contains(&longest) || expected.is_empty() || actual.is_empty() {
        return None;
    }
    let matched = by_key(expected, actual, key).unwrap_or_else(|| by_value(expected, actual));
    if matched.is_empty() {
        return None;
    }
    let is_reordered = !matched.is_sorted_by_key(|&(_, actual)| actual);
    let mut taken_expected = vec![false; expected.len()];
    let mut taken_actual = vec![false; actual.len()];
    for &(e, a) in &matched {
        taken_expected[e] = true;
        taken_actual[a] = true;
    }
    let left = |taken: &[bool]| -> Vec<usize> { (0..taken.len()).filter(|&i| !taken[i]).collect() };
    let (missing, extra) = (left(&taken_expected), left(&taken_actual));
    let mut alignment = Alignment {
        pairs: matched,
        missing,
        extra,
        is_reordered,
    };
    if key.is_none() && alignment.missing.len() == alignment.extra.len() {
        let rest = std::mem::take(&mut alignment.missing);
        alignment
            .pairs
            .extend(rest.into_iter().zip(std::mem::take(&mut alignment.extra)));
        alignment.pairs.sort_unstable();
    }
    Some(alignment)
}

/// Pairs of elements with the same value of a member that is unique on both sides; of several such members the one that
/// pairs most. `None` if there is none.
fn by_key(
    expected: &[Json<'_>],
    actual: &[Json<'_>],
    key: Option<&str>,
) -> Option<Vec<(usize, usize)>> {
    let Json::Object(first) = &expected[0] else {
        return None;
    };
    let given = key.map(|key| vec![key]);
    let names = given.unwrap_or_else(|| {
        let names = first.iter().map(|(name, _)| &**name);
        names.take(KEYS_TRIED_MAX).collect()
    });
    let mut best: Option<Vec<(usize, usize)>> = None;
    for name in names {
        let (Some(left), Some(right)) = (keys(expected, name), keys(actual, name)) else {
            continue;
        };
        let mut pairs: Vec<(usize, usize)> = left
            .iter()
            .filter_map(|(value, &place)| Some((place, *right.get(value)?)))
            .collect();
        if best.as_ref().is_none_or(|best| pairs.len() > best.len()) {
            pairs.sort_unstable();
            best = Some(pairs);
        }
    }
    // A member that names hardly any element on the other side is no key, unless a user says that it is.
    let enough = expected.len().min(actual.len()).div_ceil(2);
    best.filter(|pairs| key.is_some() || pairs.len() >= enough)
}

/// The places of elements by the value of a member; `None` if an element has none, or two have the same.
fn keys<'j>(elements: &'j [Json<'_>], name: &str) -> Option<FxHashMap<&'j str, usize>> {
    let mut keys = FxHashMap::default();
    for (place, element) in elements.iter().enumerate() {
        let Json::Object(members) = element else {
            return None;
        };
        let (_, value) = members.iter().find(|(found, _)| found == name)?;
        let value = match value {
            Json::String(text) => &**text,
            Json::Number(text) => text,
            _ => return None,
        };
        if keys.insert(value, place).is_some() {
            return None;
        }
    }
    Some(keys)
}

/// Pairs of equal elements, each with the first of its like that is left.
fn by_value(expected: &[Json<'_>], actual: &[Json<'_>]) -> Vec<(usize, usize)> {
    let mut places: FxHashMap<u64, std::collections::VecDeque<usize>> = FxHashMap::default();
    for (place, element) in actual.iter().enumerate() {
        places.entry(digest(element)).or_default().push_back(place);
    }
    let mut pairs = Vec::new();
    for (place, element) in expected.iter().enumerate() {
        if let Some(like) = places.get_mut(&digest(element))
            && let Some(&other) = like.front()
            && same(element, &actual[other])
        {
            like.pop_front();
            pairs.push((place, other));
        }
    }
    pairs
}

/// A number that is the same for equal values; members count in any order.
fn digest(value: &Json<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    std::mem::discriminant(value).hash(&mut hasher);
    match value {
        Json::Null => {}
        Json::Bool(bool) => bool.hash(&mut hasher),
        Json::Number(text) => text.hash(&mut hasher),
        Json::String(text) => text.hash(&mut hasher),
        Json::Array(elements) => elements.iter().for_each(|e| digest(e).hash(&mut hasher)),
        Json::Object(members) => members
            .iter()
            .fold(0_u64, |sum, (name, value)| {
                let mut member = FxHasher::default();
                name.hash(&mut member);
                digest(value).hash(&mut member);
                sum.wrapping_add(member.finish())
            })
            .hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
