//! Which requests of a chain a reproducer needs: a connection behind a proxy has those of many users.
//!
//! 1. The last one.
//! 2. Those whose answers give values to requests that are needed.
//! 3. Those that may write, of the same users: with a credential that a needed request has, or, where no needed request has
//!    any, all of them.
//!
//! What only reads and gives nothing is left out.

use std::collections::BTreeSet;

use schema::Request;

use super::carry::{Carried, Step, uses};
use super::places::{Field, parts, wholes};
use crate::correlate::is_random;

/// For each step whether it is needed.
pub(super) fn needed(steps: &[Step<'_>], carried: &[Carried]) -> Vec<bool> {
    let mut needed = vec![false; steps.len()];
    let Some(last) = needed.last_mut() else {
        return needed;
    };
    *last = true;
    let credentials: Vec<BTreeSet<String>> =
        steps.iter().map(|step| credentials(step.sent)).collect();
    let mut new = vec![steps.len() - 1];
    // Each round adds at least one, or is the last.
    while !new.is_empty() {
        while let Some(number) = new.pop() {
            for from in sources(steps[number].sent, number, carried) {
                if !std::mem::replace(&mut needed[from], true) {
                    new.push(from);
                }
            }
        }
        let users: BTreeSet<&String> = (0..steps.len())
            .filter(|&number| needed[number])
            .flat_map(|number| &credentials[number])
            .collect();
        for number in (0..steps.len()).filter(|&number| !needed[number]) {
            let writes = steps[number]
                .sent
                .is_some_and(|request| !is_safe(&request.method));
            let is_theirs = users.is_empty()
                || credentials[number]
                    .iter()
                    .any(|value| users.contains(value));
            if writes && is_theirs {
                new.push(number);
            }
        }
        for &number in &new {
            needed[number] = true;
        }
    }
    needed
}

/// Methods that are registered as safe and come with nothing to change (RFC 9110 section 9.2.1).
pub(super) fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// The steps whose answers gave what the request has.
fn sources(request: Option<&Request>, number: usize, carried: &[Carried]) -> BTreeSet<usize> {
    let parts = request.map(parts).unwrap_or_default();
    let uses = parts
        .into_iter()
        .flat_map(|(_, place, text)| uses(text, place, number, carried));
    let variables: BTreeSet<String> = uses.map(|used| used.variable).collect();
    let used = carried
        .iter()
        .filter(|value| variables.contains(&value.variable));
    used.map(|value| value.from).collect()
}

/// Random values of cookies and header fields.
fn credentials(request: Option<&Request>) -> BTreeSet<String> {
    let parts = request.map(parts).unwrap_or_default().into_iter();
    let fields = parts.filter(|(field, ..)| matches!(field, Field::Header(_)));
    let values = fields.flat_map(|(_, place, text)| wholes(text, place));
    let random = values.filter(|whole| is_random(&whole.text));
    random.map(|whole| whole.text.into_owned()).collect()
}
