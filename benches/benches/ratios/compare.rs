//! How fast answers are held against each other, and that memory does not grow with them.

use std::hint::black_box;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use replayer_core::blame::{Judge, Sides};
use replayer_core::join::Row;
use replayer_core::noise::Noise;
use replayer_core::rules::RuleSet;
use replayer_core::substituted::Substituted;
use replayer_core::template::Templates;
use replayer_core::verdict::{Tally, VerdictLimits};
use schema::{Exchange, Outcome, Replay};

use crate::flood::resident;
use crate::output::{Goal, line, result};

#[path = "../common/exchanges.rs"]
mod exchanges;

/// Pairs that are made, and held against each other again and again.
const PAIRS: u64 = 2_000;
const ROUNDS: u64 = 50;
/// Bytes of a body, about.
const BODY_BYTES: usize = 1_024;

/// Measures in a process of its own: memory is that of the comparison alone.
pub(crate) fn measure() -> anyhow::Result<()> {
    let here = std::env::current_exe().context("find this benchmark")?;
    for kind in ["same", "reordered", "changed"] {
        let output = Command::new(&here).args(["--compare", kind]).output();
        let output = output.context("start the measuring process")?;
        ensure!(output.status.success(), "the comparison failed");
        let text = String::from_utf8_lossy(&output.stdout);
        let words = text.split_whitespace();
        let numbers: Vec<f64> = words.map_while(|word| word.parse().ok()).collect();
        let [pairs_s, parsed_s, grown] = numbers[..] else {
            bail!("the comparison printed {text}");
        };
        let name = format!("1 KiB JSON compared three-way, {kind}");
        result(&name, pairs_s / 1e3, "k/s", Goal::AtLeast(20.0));
        let name = format!("the same, over parsing with serde_json, {kind}");
        result(&name, parsed_s / pairs_s, "x", Goal::AtMost(4.0));
        let name = format!("memory after {} more pairs, {kind}", PAIRS * ROUNDS);
        result(&name, grown / f64::from(1 << 20), "MiB", Goal::AtMost(1.0));
    }
    Ok(())
}

/// What `ratios --compare KIND` does: prints pairs a second, pairs of bodies that serde_json parses in that time, and by how
/// many bytes memory grew.
pub(crate) fn compare_here(kind: &str) -> anyhow::Result<()> {
    let rows = rows(kind);
    let mut judge = judge();
    let mut tally = Tally::new(3, VerdictLimits::default(), Templates::default());
    // Groups and endpoints are there after one round; what comes then is to take no more.
    let mut round = || {
        for row in &rows {
            black_box(tally.add(&mut judge, row));
        }
    };
    round();
    let before = resident()?;
    let compared = seconds(|| (0..ROUNDS).for_each(|_| round()));
    let grown = resident()? - before;
    let parsed = seconds(|| (0..ROUNDS).for_each(|_| rows.iter().for_each(parse)));
    let pairs = (PAIRS * ROUNDS) as f64;
    line(&format!("{} {} {grown}", pairs / compared, pairs / parsed));
    Ok(())
}

fn judge() -> Judge {
    let sides = Sides {
        baseline: 2,
        candidate: 1,
        noise: Vec::new(),
    };
    Judge::new(
        sides,
        RuleSet::default(),
        Noise::default(),
        Substituted::default(),
    )
}

/// Parses the bodies of the two answers of a row.
fn parse(row: &Row) {
    for side in row.sides[1..].iter().flatten() {
        let body = side.response.as_ref().map(|response| &response.body.bytes);
        let value: Option<serde_json::Value> = body.and_then(|b| serde_json::from_slice(b).ok());
        black_box(value);
    }
}

fn rows(kind: &str) -> Vec<Row> {
    let recorded = exchanges::recorded(PAIRS).into_iter().enumerate();
    recorded
        .map(|(number, mut recorded)| {
            let (old, new) = bodies(number, kind);
            let mut baseline = replayed(&recorded, old.clone());
            answer(&mut recorded, old);
            let candidate = replayed(&recorded, new);
            baseline.index = recorded.index;
            Row {
                id: recorded.id(),
                recorded_start: recorded.start(),
                sides: [recorded, candidate, baseline]
                    .map(|e| Some(Box::new(e)))
                    .into(),
            }
        })
        .collect()
}

/// Two bodies of about [`BODY_BYTES`].
fn bodies(number: usize, kind: &str) -> (Bytes, Bytes) {
    let mut items = Vec::new();
    for item in 0..BODY_BYTES / 84 {
        let sku = number * 100 + item;
        items.push((
            format!("\"sku\":\"SKU-{sku:08}\",\"qty\":{}", item + 1),
            format!(
                "\"price\":{}.50,\"name\":\"thing {item}\",\"active\":true",
                item * 3
            ),
        ));
    }
    let list = |turned: bool, changed: bool| {
        let one = |(index, (a, b)): (usize, &(String, String))| {
            let b = if changed && index == 5 {
                b.replace(".50", ".51")
            } else {
                b.clone()
            };
            if turned {
                format!("{{{b},{a}}}")
            } else {
                format!("{{{a},{b}}}")
            }
        };
        let list: Vec<String> = items.iter().enumerate().map(one).collect();
        Bytes::from(format!(
            "{{\"id\":{number},\"items\":[{}]}}",
            list.join(",")
        ))
    };
    let new = match kind {
        "same" => list(false, false),
        "reordered" => list(true, false),
        _ => list(false, true),
    };
    (list(false, false), new)
}

fn answer(exchange: &mut Exchange, body: Bytes) {
    if let Some(response) = &mut exchange.response {
        response.body.wire_bytes = body.len() as u64;
        response.body.bytes = body;
        response.body_encoding = None;
    }
}

fn replayed(recorded: &Exchange, body: Bytes) -> Exchange {
    let mut exchange = recorded.clone();
    answer(&mut exchange, body);
    exchange.replay = Some(Box::new(Replay {
        recorded_start: recorded.start(),
        due: recorded.start(),
        lag_us: 0,
        order_wait_us: 0,
        outcome: Outcome::Sent,
        outcome_reason: None,
        verdict: schema::ExchangeVerdict::Incomparable,
        verdict_reason: None,
        divergences: 0,
        pass: 0,
        in_doubt: None,
    }));
    exchange
}

fn seconds(work: impl FnOnce()) -> f64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is a clock of the measurement"
    )]
    let started = std::time::Instant::now();
    work();
    started.elapsed().as_secs_f64()
}
