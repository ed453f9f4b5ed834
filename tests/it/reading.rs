//! What reading a window asks of a store: requests to a real S3 server are counted, as those are what takes time far away.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use benches::{Mix, Month};
use bytes::Bytes;
use schema::{SegmentKey, Table, Timestamp};
use tests::{Answer, Ran, S3Server, StoreGate, Target, replayer, run};

/// The hour that is read, and the days around it.
const HOUR: [&str; 2] = ["2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z"];
const PREFIX: &str = "date%3D2026-11-22%2Fhour%3D13";
const FOLDER: &str = "date%3D2026-11-22/hour%3D13";
/// Segments of the hour, each of one exchange, and files of its ledger.
const SEGMENTS: usize = 300;
const LEDGER: usize = 60;
/// What is opened ahead of the segment that is needed.
const AHEAD_MAX: usize = 32;

/// Archives on a server, behind a gate.
struct Remote {
    server: S3Server,
    gate: StoreGate,
}

impl Remote {
    fn start(delay: Duration) -> Self {
        let server = S3Server::start();
        let gate = StoreGate::slow(server.endpoint().trim_start_matches("http://"), delay);
        Self { server, gate }
    }

    fn put(&self, archive: &str, files: impl IntoIterator<Item = (String, Bytes)>) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let put = self.server.put_all(archive, files);
        runtime.block_on(put).unwrap();
    }

    /// A command on a window of an archive, through the gate.
    fn run(&self, archive: &str, [from, to]: [&str; 2], arguments: &[&str]) -> Ran {
        let endpoint = ("AWS_ENDPOINT_URL", self.gate.url());
        let mut command = replayer();
        command
            .args(arguments)
            .args(["--archive", &self.server.url(archive)]);
        command.args(["--from", from, "--to", to]);
        run(command
            .envs(self.server.variables())
            .env(endpoint.0, endpoint.1))
    }

    /// Replays the hour; gives what was asked of the store before the first request was out, and afterwards.
    fn replay(&self, archive: &str, name: &str) -> [Vec<String>; 2] {
        let before = Arc::new(Mutex::new(None));
        let (gate, first) = (self.gate.clone(), Arc::clone(&before));
        let target = Target::start(move |_| {
            first
                .lock()
                .unwrap()
                .get_or_insert_with(|| gate.take_requests());
            Answer::json("{}")
        });
        let url = target.url();
        let _ = self.gate.take_requests();
        let run = ["run", "--run", name, "--speed", "max", "--allow-writes"];
        let ran = self.run(archive, HOUR, &[&run[..], &["--target", &url]].concat());
        assert_eq!(ran.code, 1, "the target answers otherwise: {}", ran.stderr);
        assert_eq!(target.arrivals().len(), SEGMENTS);
        let before = before.lock().unwrap().take().unwrap();
        [before, self.gate.take_requests()]
    }
}

fn month(recorder: &str, start: &str, hours: u64, segments_an_hour: u64) -> Month {
    Month {
        recorder: recorder.parse().unwrap(),
        start: start.parse::<Timestamp>().unwrap(),
        hours,
        segments_an_hour,
        exchanges_a_segment: 1,
        mix: Mix::Gets,
        answers: 1,
    }
}

/// `of` that hold `part`.
fn those<'r>(of: &'r [impl AsRef<str>], part: &str) -> Vec<&'r str> {
    let requests = of.iter().map(AsRef::as_ref);
    requests.filter(|request| request.contains(part)).collect()
}

/// Requests that only look, without what belongs to the run itself.
fn looking(requests: &[String]) -> Vec<&str> {
    let mut looking = those(requests, "GET ");
    looking.retain(|request| !request.contains("runs"));
    looking.sort_unstable();
    looking
}

/// An hour of many small segments, alone and among three days of two recorders, costs the same requests: two listings of that
/// hour's folders, and one request a segment, of which many are under way at once and few come before the first request.
#[test]
fn an_hour_costs_the_same_in_an_archive_of_any_size() {
    let remote = Remote::start(Duration::from_millis(20));
    let hour = month("gw-1", HOUR[0], 1, SEGMENTS as u64);
    let files: Vec<_> = hour.segments().chain(hour.ledger()).collect();
    // What lies in other hours is not looked into.
    let (_, any) = files[0].clone();
    let around = (0..72).filter(|hour| *hour != 37).flat_map(|hour| {
        let days: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        let start = days.saturating_add(Duration::from_secs(3_600) * hour);
        let recorders = ["gw-2", "gw-3"].into_iter();
        recorders.map(move |recorder| {
            let key = SegmentKey::new(start, start, recorder.parse().unwrap(), hour.into());
            Table::Exchanges.path(&key)
        })
    });
    let around = around.map(|path| (path, any.clone()));
    remote.put("alone", files.clone());
    remote.put("among", files.into_iter().chain(around));

    let [first, later] = remote.replay("alone", "alone");
    let alone = [first, later].concat();
    let _ = remote.gate.take_most_at_once();
    let [first, later] = remote.replay("among", "among");
    let at_once = remote.gate.take_most_at_once();
    let among = [first.clone(), later].concat();
    let renamed: Vec<_> = among
        .iter()
        .map(|line| line.replace("among", "alone"))
        .collect();
    assert_eq!(looking(&renamed), looking(&alone));

    let listings = those(&among, "list-type");
    let of_archive: Vec<_> = listings
        .iter()
        .filter(|line| !line.contains("runs"))
        .collect();
    assert_eq!(of_archive.len(), 2, "{of_archive:?}");
    for table in ["exchanges", "capture"] {
        let prefix = format!("among%2F{table}%2F{PREFIX}");
        assert_eq!(those(&listings, &prefix).len(), 1, "{listings:?}");
    }
    let segments = those(&among, &format!("/among/exchanges/{FOLDER}/"));
    assert_eq!(segments.len(), SEGMENTS, "each is small, and is read once");
    assert!(
        segments.iter().all(|line| line.contains(" bytes=0-")),
        "{segments:?}"
    );
    assert_eq!(
        those(&among, &format!("/among/capture/{FOLDER}/")).len(),
        LEDGER
    );

    // The first request does not wait for a whole batch, which would be 256 segments here.
    let before = those(&first, "/among/exchanges/").len();
    assert!(
        (1..=6 * (AHEAD_MAX + 1)).contains(&before),
        "{before} before the first request"
    );
    assert!(
        (AHEAD_MAX / 2..=2 * AHEAD_MAX).contains(&at_once),
        "{at_once} at once"
    );
}

/// Bytes of the ranges that were asked for of segments.
fn fetched(requests: &[String]) -> u64 {
    let ranges = those(requests, "/exchanges/");
    let length = |request: &str| {
        let (from, to) = request
            .split_once("bytes=")
            .unwrap()
            .1
            .split_once('-')
            .unwrap();
        to.parse::<u64>().unwrap() + 1 - from.parse::<u64>().unwrap()
    };
    ranges.into_iter().map(length).sum()
}

/// Of a large segment the end is read, with one request, and then the columns and rows that are needed.
#[test]
fn of_a_large_segment_only_what_is_needed_is_fetched() {
    let remote = Remote::start(Duration::ZERO);
    let large = Month {
        exchanges_a_segment: 720,
        mix: Mix::LargeAnswers,
        answers: u64::MAX,
        ..month("gw-1", HOUR[0], 1, 1)
    };
    let (path, file) = large.segments().next().unwrap();
    let bytes = file.len() as u64;
    remote.put("large", [(path, file)]);

    let plan = |window| {
        let _ = remote.gate.take_requests();
        let ran = remote.run("large", window, &["plan", "--json"]);
        assert_eq!(ran.code, 1, "it has no ledger: {}", ran.stderr);
        remote.gate.take_requests()
    };
    let whole = plan(HOUR);
    let footer = format!(" bytes={}-{}", bytes - (128 << 10), bytes - 1);
    assert!(
        those(&whole, "/exchanges/")[0].ends_with(&footer),
        "{whole:?}"
    );
    assert_eq!(those(&whole, &footer).len(), 1, "{whole:?}");
    assert!(
        fetched(&whole) < bytes / 4,
        "a plan needs no bodies: {} of {bytes}",
        fetched(&whole)
    );

    let headers = ["plan", "--header", "host=*"];
    let window = ["2026-11-22T13:55:00Z", HOUR[1]];
    let _ = remote.gate.take_requests();
    let _ = remote.run("large", window, &headers);
    let end = remote.gate.take_requests();
    assert!(
        fetched(&end) < bytes * 2 / 3,
        "of the end alone: {} of {bytes}",
        fetched(&end)
    );
}
