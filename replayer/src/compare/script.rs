//! Reproducers: the requests of a group's shortest chain, looked up in the recording and in both runs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use replayer_core::Limits;
use replayer_core::reproducer::{About, Link, reproducer};
use replayer_core::verdict::{Place, Tally};
use schema::comparison::ComparisonDocument;
use schema::{Exchange, ExchangeId, Projection, Table, TimeWindow, Timestamp};

use super::inputs::{Inputs, Side};
use crate::fetch::{self, ExchangeStream};
use crate::store::Archive;

/// Groups that get a script; others have the ids of their requests.
const SCRIPTS_MAX: usize = 100;
/// Bytes of all scripts.
const SCRIPTS_BYTES_MAX: usize = 16 << 20;
/// Bytes of the exchanges of one table that are looked up; chains that would need more have no script.
const LOOKED_UP_BYTES_MAX: usize = 128 << 20;
/// Exchanges of chains that are no farther apart are read together.
const STRETCH: Duration = Duration::from_secs(1);
/// The smallest span that a stored time tells apart.
const INSTANT: Duration = Duration::from_micros(1);

/// Writes a script into each of the first groups that need a person.
pub(super) async fn write_scripts(
    document: &mut ComparisonDocument,
    inputs: &Inputs,
    tally: &Tally,
) -> anyhow::Result<()> {
    let chains = tally.reproducers(SCRIPTS_MAX);
    let lookup = Lookup::of(inputs, &chains).await?;
    let mut about = about(inputs);
    let mut bytes = 0;
    for (id, places) in chains {
        let Some(group) = document.groups.iter_mut().find(|group| group.group == id) else {
            continue;
        };
        let Some(chain) = lookup.chain(&places) else {
            continue;
        };
        about.redaction = redaction(inputs, &places).await?;
        let made = reproducer(group, &chain, &about);
        group.reproducer = made.exchanges.iter().map(ToString::to_string).collect();
        bytes += made.script.len();
        if bytes <= SCRIPTS_BYTES_MAX {
            group.script = made.script;
        }
    }
    Ok(())
}

/// What the scripts say of the runs.
fn about(inputs: &Inputs) -> About {
    let document = &inputs.candidate.document;
    let target = &document.target;
    let rules = document
        .rewriting
        .iter()
        .flat_map(|rewriting| &rewriting.rules);
    let mut variables = rules.filter_map(|rule| rule.rule.strip_prefix("--authorization-env "));
    let path = url::Url::parse(&target.url).map(|url| url.path().to_owned());
    About {
        baseline: inputs.baseline.as_ref().map(|side| side.name.clone()),
        candidate: inputs.candidate.name.clone(),
        path_prefix: path.unwrap_or_default().trim_end_matches('/').to_owned(),
        host_of_target: target.host == "target",
        insecure: target.insecure,
        authorization_env: variables.next().map(str::to_owned),
        proofs: target.proofs.clone(),
        redaction: None,
    }
}

/// The redaction that the last request of a chain went through, as its segment says.
async fn redaction(inputs: &Inputs, places: &[Place]) -> anyhow::Result<Option<String>> {
    let Some(last) = places.last() else {
        return Ok(None);
    };
    let window = TimeWindow {
        start: last.recorded,
        end: last.recorded.saturating_add(INSTANT),
    };
    for segment in fetch::segments(&inputs.store, &Table::Exchanges, window).await? {
        let footer = fetch::footer(&inputs.store, &segment).await?;
        if let Some(redaction) = footer.and_then(|footer| footer.redaction) {
            return Ok(Some(redaction));
        }
    }
    Ok(None)
}

/// What was found of one table.
type Found = HashMap<ExchangeId, Exchange>;

/// The exchanges that chains are made of, from the recording and both runs.
struct Lookup {
    recorded: Found,
    baseline: Found,
    candidate: Found,
}

impl Lookup {
    async fn of(inputs: &Inputs, chains: &[(String, Vec<Place>)]) -> anyhow::Result<Self> {
        let places = || chains.iter().flat_map(|(_, places)| places);
        let of_run = |side: &Side| Table::RunExchanges(side.name.clone());
        let at = |start: Timestamp, place: &Place| (start, place.exchange);
        let recorded = places().map(|place| at(place.recorded, place)).collect();
        let baseline = places()
            .filter_map(|place| Some(at(place.baseline?, place)))
            .collect();
        let candidate = places()
            .filter_map(|place| Some(at(place.candidate?, place)))
            .collect();
        Ok(Self {
            recorded: look_up(&inputs.store, &Table::Exchanges, recorded).await?,
            baseline: match &inputs.baseline {
                Some(side) => look_up(&inputs.store, &of_run(side), baseline).await?,
                None => Found::new(),
            },
            candidate: look_up(&inputs.store, &of_run(&inputs.candidate), candidate).await?,
        })
    }

    /// The chain; `None` if it is not known how it ends.
    fn chain(&self, places: &[Place]) -> Option<Vec<Link>> {
        let link = |place: &Place| {
            Some(Link {
                recorded: self.recorded.get(&place.exchange)?.clone(),
                baseline: self.baseline.get(&place.exchange).cloned(),
                candidate: self.candidate.get(&place.exchange).cloned(),
            })
        };
        let last = link(places.last()?)?;
        let before = places[..places.len() - 1].iter().filter_map(link);
        Some(before.chain([last]).collect())
    }
}

/// Reads the exchanges of a table that start then, a stretch of time after the other; up to a bound of bytes.
async fn look_up(
    store: &Archive,
    table: &Table,
    wanted: BTreeSet<(Timestamp, ExchangeId)>,
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
        let segments = fetch::segments(store, table, window).await?;
        let limits = Limits::default();
        let mut stream =
            ExchangeStream::new(store.clone(), segments, window, Projection::All, limits);
        while let Some(exchange) = stream.next().await? {
            if ids.contains(&exchange.id()) {
                bytes += exchange.memory();
                if bytes > LOOKED_UP_BYTES_MAX {
                    return Ok(found);
                }
                found.insert(exchange.id(), *exchange);
            }
        }
    }
    Ok(found)
}
