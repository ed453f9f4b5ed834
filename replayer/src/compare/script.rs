//! Reproducers: the requests of a group's shortest chain, and what they lack, looked up in the recording and in both runs.

mod lookup;

use std::collections::{BTreeSet, HashMap};

use replayer_core::reproducer::{About, ReproducerLimits, Search, SearchStep, reproducer};
use replayer_core::verdict::{Place, Tally};
use schema::comparison::ComparisonDocument;
use schema::{ExchangeId, TimeWindow, Timestamp};

use super::inputs::Inputs;
use crate::fetch;
use lookup::{INSTANT, Lookup};

/// Writes a script into each of the first groups that need a person.
pub(super) async fn write_scripts(
    document: &mut ComparisonDocument,
    inputs: &Inputs,
    tally: &Tally,
) -> anyhow::Result<()> {
    let limits = ReproducerLimits::default();
    let chains = tally.reproducers(limits.scripts_max);
    let lookup = Lookup::of(inputs, &chains, limits.looked_up_bytes_max).await?;
    let mut about = about(inputs);
    let mut search = Search::new(limits, inputs.candidate.start(), about.clone());
    for (_, places) in &chains {
        search.add(&lookup.chain(places).links);
    }
    look_back(&mut search, inputs, &limits).await?;
    let mut redactions = Redactions::default();
    let mut bytes = 0;
    for (number, (id, places)) in chains.iter().enumerate() {
        let Some(group) = document.groups.iter_mut().find(|group| group.group == *id) else {
            continue;
        };
        let chain = lookup.chain(places);
        if !chain.is_whole_end {
            group.script_lacks = vec![format!(
                "No script: the request that differs could not be read back, or is beyond the {} bytes that are.",
                limits.looked_up_bytes_max
            )];
            continue;
        }
        about.redaction = redactions.of(inputs, places).await?;
        let mut completed = search.complete(number, chain.links);
        completed.lacks.extend(chain.lost);
        let made = reproducer(group, completed, &about, &limits);
        group.reproducer = made.exchanges.iter().map(ToString::to_string).collect();
        group.script_lacks = made.lacks;
        bytes += made.script.len();
        if bytes <= limits.scripts_bytes_max {
            group.script = made.script;
        } else {
            group.script_lacks.push(format!(
                "The script is left out: those before it have {} bytes.",
                limits.scripts_bytes_max
            ));
        }
    }
    let without = document.groups.iter_mut().filter(|group| {
        let is_told = !group.script.is_empty() || !group.script_lacks.is_empty();
        group.blame == "refactor" && !is_told
    });
    for group in without {
        group.script_lacks = vec![format!(
            "No script: {} groups have one.",
            limits.scripts_max
        )];
    }
    Ok(())
}

/// Reads what a search asks for.
async fn look_back(
    search: &mut Search,
    inputs: &Inputs,
    limits: &ReproducerLimits,
) -> anyhow::Result<()> {
    loop {
        match search.poll() {
            SearchStep::Read(window) => {
                let mut stream = inputs.run_between(&inputs.candidate, window);
                while let Some(exchange) = stream.next().await? {
                    if !search.handle_exchange(&exchange) {
                        break;
                    }
                }
                search.handle_end();
            }
            SearchStep::LookUp(wanted) => {
                let wanted: BTreeSet<(Timestamp, ExchangeId)> = wanted.into_iter().collect();
                let recorded = |window| inputs.recorded_between(window);
                let mut found =
                    lookup::look_up(recorded, wanted, limits.looked_up_bytes_max).await?;
                search.handle_recorded(|id| found.remove(&id));
            }
            SearchStep::Finished => return Ok(()),
        }
    }
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

/// The redaction that each segment says its requests went through.
#[derive(Debug, Default)]
struct Redactions(HashMap<object_store::path::Path, Option<String>>);

impl Redactions {
    /// That of the last request of a chain.
    async fn of(&mut self, inputs: &Inputs, places: &[Place]) -> anyhow::Result<Option<String>> {
        let Some(last) = places.last() else {
            return Ok(None);
        };
        let window = TimeWindow {
            start: last.recorded,
            end: last.recorded.saturating_add(INSTANT),
        };
        for segment in inputs.recorded_segments(window) {
            let known = self.0.get(&segment.path).cloned();
            let redaction = match known {
                Some(redaction) => redaction,
                None => {
                    let footer = fetch::footer(&inputs.store, &segment).await?;
                    let redaction = footer.and_then(|footer| footer.redaction);
                    self.0.insert(segment.path, redaction.clone());
                    redaction
                }
            };
            if redaction.is_some() {
                return Ok(redaction);
            }
        }
        Ok(None)
    }
}
