//! Other people's captures through the whole program, held against what tshark sees in them.

mod exceptions;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use schema::Exchange;
use tests::{
    Transaction, read_archive, recorder, run_within, shared_captures, transactions, workspace,
};

use exceptions::EXCEPTIONS;

/// The largest capture has 4 MB: a recorder that needs this long hangs.
const CAPTURE_LIMIT: Duration = Duration::from_secs(60);
/// The share of messages that must be found, exceptions not counted.
const SHARE_FOUND_MIN: f64 = 0.99;
/// The share of messages that must be found among all.
const SHARE_OF_ALL_MIN: f64 = 0.90;

/// What one capture gave.
struct Outcome {
    capture: String,
    code: i32,
    stderr: String,
    exchanges: Vec<Exchange>,
}

/// Messages, each with how often it was seen.
type Messages = BTreeMap<String, usize>;

#[test]
fn every_capture_is_recorded_and_agrees_with_tshark() {
    let outcomes = record_all();
    let mut failures = String::new();
    for outcome in outcomes
        .iter()
        .filter(|outcome| !matches!(outcome.code, 0 | 1))
    {
        let Outcome {
            capture,
            code,
            stderr,
            ..
        } = outcome;
        writeln!(failures, "{capture}: exit code {code}: {stderr}").unwrap();
    }
    let mut opinions: BTreeMap<String, Vec<Transaction>> = BTreeMap::new();
    for transaction in transactions() {
        opinions
            .entry(transaction.capture.clone())
            .or_default()
            .push(transaction);
    }
    let (mut expected, mut found, mut excepted) = (0, 0, 0);
    let mut table = String::from("capture\tmissed\tof\twhich\n");
    for outcome in &outcomes {
        let opinion = opinions
            .get(&outcome.capture)
            .map_or(&[][..], Vec::as_slice);
        let missed = missed(opinion, &outcome.exchanges);
        let allowed = EXCEPTIONS
            .iter()
            .find(|exception| exception.capture == outcome.capture);
        let allowed = allowed.map_or(0, |exception| exception.messages);
        let count: usize = missed.values().sum();
        expected += opinion.len();
        found += opinion.len() - count;
        excepted += count.min(allowed);
        if count > 0 {
            writeln!(
                table,
                "{}\t{count}\t{}\t{missed:?}",
                outcome.capture,
                opinion.len()
            )
            .unwrap();
        }
        if count > allowed {
            writeln!(
                failures,
                "{}: {count} missed, {allowed} excepted",
                outcome.capture
            )
            .unwrap();
        } else if count < allowed {
            writeln!(
                failures,
                "{}: only {count} missed, the list excepts {allowed}",
                outcome.capture
            )
            .unwrap();
        }
    }
    writeln!(table, "found {found} of {expected}; {excepted} excepted").unwrap();
    std::fs::write(workspace().join("target/captures.tsv"), &table).unwrap();
    let share = |part: usize, whole: usize| part as f64 / whole as f64;
    let of_all = share(found, expected);
    let of_rest = share(found, expected - excepted);
    let enough = of_all >= SHARE_OF_ALL_MIN && of_rest >= SHARE_FOUND_MIN;
    assert!(enough && failures.is_empty(), "{table}\n{failures}");
}

/// A list that names what is not there hides something.
#[test]
fn every_exception_names_a_capture_and_a_reason() {
    let captures = shared_captures();
    for exception in EXCEPTIONS {
        assert!(
            captures
                .iter()
                .any(|path| path.ends_with(exception.capture)),
            "{exception:?}"
        );
        assert!(exception.reason.len() > 20, "{exception:?}");
    }
}

/// Records each capture into an archive of its own.
fn record_all() -> Vec<Outcome> {
    let captures = shared_captures();
    let todo = Mutex::new(captures.iter());
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(path) = todo.lock().unwrap().next() else {
                        return;
                    };
                    let outcome = record(path);
                    done.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let mut outcomes = done.into_inner().unwrap();
    outcomes.sort_by(|a, b| a.capture.cmp(&b.capture));
    assert_eq!(outcomes.len(), captures.len());
    outcomes
}

fn record(path: &Path) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let ran = run_within(
        CAPTURE_LIMIT,
        recorder()
            .arg("read")
            .arg(path)
            .arg("--archive")
            .arg(folder.path()),
    );
    Outcome {
        capture: path.file_name().unwrap().to_str().unwrap().to_owned(),
        code: ran.code,
        stderr: ran.stderr,
        exchanges: read_archive(folder.path()),
    }
}

/// What tshark sees and the archive does not have.
fn missed(opinion: &[Transaction], exchanges: &[Exchange]) -> Messages {
    let mut archived = Messages::new();
    for exchange in exchanges {
        if let Some(request) = &exchange.request {
            let query = request
                .query
                .as_ref()
                .map_or_else(String::new, |query| format!("?{query}"));
            let target = request
                .target
                .clone()
                .unwrap_or_else(|| format!("{}{query}", request.path));
            *archived
                .entry(format!("{} {target}", request.method))
                .or_default() += 1;
            let host = request.host.as_deref().unwrap_or_default();
            *archived
                .entry(format!("{} {target} at {host}", request.method))
                .or_default() += 1;
        }
        let last = exchange.response.as_ref().map(|response| response.status);
        for status in exchange.interim_statuses.iter().copied().chain(last) {
            *archived.entry(status.to_string()).or_default() += 1;
        }
    }
    let mut missed = Messages::new();
    for Transaction {
        kind,
        method,
        target,
        host,
        status,
        ..
    } in opinion
    {
        let message = match (kind.as_str(), host.as_str()) {
            ("response", _) => status.clone(),
            (_, "") => format!("{method} {target}"),
            (_, host) => format!("{method} {target} at {host}"),
        };
        match archived.get_mut(&message) {
            Some(left) if *left > 0 => *left -= 1,
            _ => *missed.entry(message).or_default() += 1,
        }
    }
    missed
}
