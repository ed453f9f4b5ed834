//! Exchanges of chains, read back by when they were recorded or sent.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use replayer_core::reproducer::Link;
use replayer_core::verdict::Place;
use schema::{Exchange, ExchangeId, TimeWindow, Timestamp};

use crate::compare::inputs::Inputs;
use crate::fetch::ExchangeStream;

/// Exchanges of chains that are no farther apart are read together.
const STRETCH: Duration = Duration::from_secs(1);
/// The smallest span that a stored time tells apart.
pub(super) const INSTANT: Duration = Duration::from_micros(1);

/// What was found of one table.
type Found = HashMap<ExchangeId, Exchange>;

/// The exchanges that chains are made of, from the recording and both runs.
pub(super) struct Lookup {
    recorded: Found,
    baseline: Found,
    candidate: Found,
}

/// The requests of a chain that were found.
pub(super) struct Chain {
    /// In order.
    pub(super) links: Vec<Link>,
    /// Whether the last one is among them.
    pub(super) is_whole_end: bool,
    /// How many are not, in a sentence.
    pub(super) lost: Option<String>,
}

impl Lookup {
    /// Looks up all chains, at most so many bytes of each table.
    pub(super) async fn of(
        inputs: &Inputs,
        chains: &[(String, Vec<Place>)],
        bytes_max: usize,
    ) -> anyhow::Result<Self> {
        let places = || chains.iter().flat_map(|(_, places)| places);
        let at = |start: Timestamp, place: &Place| (start, place.exchange);
        let recorded = places().map(|place| at(place.recorded, place)).collect();
        let baseline = places()
            .filter_map(|place| Some(at(place.baseline?, place)))
            .collect();
        let candidate = places()
            .filter_map(|place| Some(at(place.candidate?, place)))
            .collect();
        let of_recorded = |window| inputs.recorded_between(window);
        let of_run = |side| move |window| inputs.run_between(side, window);
        let baseline = match &inputs.baseline {
            Some(side) => look_up(of_run(side), baseline, bytes_max).await?,
            None => Found::new(),
        };
        Ok(Self {
            recorded: look_up(of_recorded, recorded, bytes_max).await?,
            baseline,
            candidate: look_up(of_run(&inputs.candidate), candidate, bytes_max).await?,
        })
    }

    /// The chain, without what was not found.
    pub(super) fn chain(&self, places: &[Place]) -> Chain {
        let link = |place: &Place| {
            let candidate = self.candidate.get(&place.exchange).cloned();
            let is_lost = place.candidate.is_some() && candidate.is_none();
            Some(Link {
                recorded: self
                    .recorded
                    .get(&place.exchange)
                    .filter(|_| !is_lost)?
                    .clone(),
                baseline: self.baseline.get(&place.exchange).cloned(),
                candidate,
            })
        };
        let links: Vec<Link> = places.iter().filter_map(link).collect();
        let lost = places.len() - links.len();
        let end = links.last().map(|link| link.recorded.id());
        Chain {
            is_whole_end: end.is_some() && end == places.last().map(|place| place.exchange),
            links,
            lost: (lost > 0).then(|| {
                format!(
                    "{lost} requests of the connection could not be read back, or not all be held in memory: left out."
                )
            }),
        }
    }
}

/// Reads the exchanges of a table that start then, a stretch of time after the other; up to a bound of bytes.
pub(super) async fn look_up(
    between: impl Fn(TimeWindow) -> ExchangeStream,
    wanted: BTreeSet<(Timestamp, ExchangeId)>,
    bytes_max: usize,
) -> anyhow::Result<Found> {
    let ids: HashSet<ExchangeId> = wanted.iter().map(|(_, id)| *id).collect();
    let mut starts = wanted.into_iter().map(|(start, _)| start).peekable();
    let mut found = Found::new();
    let mut bytes = 0;
    while let Some(start) = starts.next() {
        let mut end = start;
        while let Some(next) = starts.next_if(|next| *next <= end.saturating_add(STRETCH)) {
            end = next;
        }
        let window = TimeWindow {
            start,
            end: end.saturating_add(INSTANT),
        };
        let mut stream = between(window);
        while let Some(exchange) = stream.next().await? {
            if ids.contains(&exchange.id()) {
                bytes += exchange.memory();
                if bytes > bytes_max {
                    return Ok(found);
                }
                found.insert(exchange.id(), *exchange);
            }
        }
    }
    Ok(found)
}
