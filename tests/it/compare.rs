//! What `replayer compare` says beside its verdict: files for CI, acceptance, rules, reports, and honest refusals.

mod large;
mod reproduce;
mod sql;

use std::path::PathBuf;

use schema::Keyring;
use schema::comparison::ComparisonDocument;
use schema::run::RunVerdict;
use tempfile::TempDir;
use tests::{Answer, Arrival, PacketScript, Ran, Target, recorder, replayer, run};

/// An archive of three requests, a run of the old build and one of the new build.
struct Compared {
    folder: TempDir,
}

impl Compared {
    fn new(old: fn(&Arrival) -> Answer, new: fn(&Arrival) -> Answer) -> Self {
        let compared = Self::recorded(&orders(), &[]);
        compared.replay("old", old, &[]);
        compared.replay("new", new, &[]);
        compared
    }

    /// An archive of these packets.
    fn recorded(script: &PacketScript, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let compared = Self { folder };
        let capture = compared.file("capture.pcap");
        std::fs::write(&capture, script.pcap()).unwrap();
        let mut read = recorder();
        let _recorded = run(read
            .arg("read")
            .arg(&capture)
            .args(["--archive", &compared.archive()])
            .args(flags));
        compared
    }

    fn archive(&self) -> String {
        self.file("archive").to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn replay(&self, name: &str, answer: fn(&Arrival) -> Answer, flags: &[&str]) {
        self.replayed(name, &Target::start(answer), flags);
    }

    /// A run of everything, writes included.
    fn replayed(&self, name: &str, target: &Target, flags: &[&str]) {
        let archive = self.archive();
        let _ran = run(replayer()
            .args([
                "run",
                "--archive",
                &archive,
                "--last",
                "1d",
                "--speed",
                "max",
            ])
            .args(["--target", &target.url(), "--run", name])
            .arg("--allow-writes")
            .args(flags));
    }

    fn compare(&self, flags: &[&str]) -> Ran {
        let archive = self.archive();
        run(replayer()
            .args(["compare", "--archive", &archive])
            .args(flags))
    }

    fn document(&self, flags: &[&str]) -> ComparisonDocument {
        let ran = self.compare(&[flags, &["--json"]].concat());
        ComparisonDocument::from_json(ran.stdout.as_bytes())
            .unwrap_or_else(|error| panic!("{error}\n{}{}", ran.stdout, ran.stderr))
    }
}

/// Three requests and their answers.
fn orders() -> PacketScript {
    let asked = |script: PacketScript, id: u32| {
        let body = format!("{{\"id\":{id},\"total\":\"10.50\"}}");
        script
            .client(format!("GET /orders/{id} HTTP/1.1\r\nHost: shop.test\r\n\r\n"))
            .server(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
    };
    (1..=3).fold(PacketScript::new(), asked)
}

fn order(arrival: &Arrival, total: &str) -> Answer {
    let id = arrival.path().rsplit('/').next().unwrap();
    Answer::json(format!("{{\"id\":{id},\"total\":{total}}}"))
}

/// Production writes the total as text; the test environment as a number.
fn old(arrival: &Arrival) -> Answer {
    order(arrival, "10.50")
}

fn new(arrival: &Arrival) -> Answer {
    let total = if arrival.path() == "/orders/2" {
        "10.5"
    } else {
        "10.50"
    };
    order(arrival, total)
}

const SIDES: [&str; 4] = ["--baseline", "old", "--candidate", "new"];

#[test]
fn the_environment_is_told_from_the_refactor() {
    let compared = Compared::new(old, new);
    let ran = compared.compare(&SIDES).expect_code(1);
    assert!(
        ran.stdout
            .starts_with("fail: the refactor changed 1 answer in 1 way"),
        "{}",
        ran.stdout
    );
    let document = compared.document(&SIDES);
    let totals = &document.totals;
    assert_eq!(
        (totals.selected, totals.refactor, totals.environment),
        (3, 1, 2)
    );
    assert_eq!(document.groups[0].cause, "same number, written otherwise");
    // Two sides alone: everything that the environment does is then the candidate's.
    let alone = compared.document(&["--candidate", "new"]);
    assert_eq!(
        (alone.totals.refactor, alone.baseline.run.as_str()),
        (3, "recorded")
    );
    // The same inputs give the same document.
    assert_eq!(compared.document(&SIDES), document);
    assert_ne!(alone.comparison, document.comparison);
}

#[test]
fn what_is_accepted_passes_until_it_is_over() {
    let compared = Compared::new(old, new);
    let group = compared.document(&SIDES).groups[0].group.clone();
    let file = compared.file("accepted.toml");
    let write = |until: &str| {
        let entry = format!(
            "[[accepted]]\ngroup = \"{group}\"\nwhat = \"x\"\nby = \"ada\"\nwhy = \"scale\"\nuntil = \"{until}\"\n"
        );
        std::fs::write(&file, entry).unwrap();
    };
    let accepted = [&SIDES[..], &["--accepted", file.to_str().unwrap()]].concat();
    write("2100-01-01");
    let document = compared.document(&accepted);
    assert_eq!(document.verdict, RunVerdict::Pass, "{}", document.sentence);
    assert_eq!(document.groups[0].standing.as_deref(), Some("known"));
    let strict = [&accepted[..], &["--fail-on", "any"]].concat();
    assert_eq!(compared.document(&strict).verdict, RunVerdict::Fail);
    write("2020-01-01");
    assert_eq!(compared.document(&accepted).verdict, RunVerdict::Fail);
}

#[test]
fn accepting_a_group_makes_the_next_comparison_pass() {
    let compared = Compared::new(old, new);
    let document = compared.document(&SIDES);
    let (archive, id) = (compared.archive(), document.comparison.as_str());
    let file = compared.file("accepted.toml");
    let accept = |comparison: &str, flags: &[&str]| {
        run(replayer()
            .args(["accept", comparison, "--archive", &archive])
            .args(["--accepted", file.to_str().unwrap()])
            .args(flags))
    };
    let said = ["--by", "ada", "--why", "the contract says so"];
    let group = document.groups[0].group.as_str();
    let environment = document.groups.iter().find(|g| g.blame == "environment");
    let not_ours = ["--group", &environment.unwrap().group];
    for (flags, expected) in [
        (&[][..], "--group ID"),
        (&["--all"], "--by NAME"),
        (&["--all", "--by", "ada", "--why", " "], "--why TEXT"),
        (
            &[&said[..], &["--all", "--until", "soon"]].concat(),
            "`soon` is no day",
        ),
        (
            &[&said[..], &["--all", "--until", "2020-01-01"]].concat(),
            "is over",
        ),
        (&[&said[..], &["--group", "7"]].concat(), "has no group `7`"),
        (&[&said[..], &not_ours].concat(), "blamed on environment"),
        (&[&said[..], &["--endpoint", "[x"]].concat(), "is no glob"),
    ] {
        let ran = accept(id, flags).expect_code(2);
        assert!(ran.stderr.contains(expected), "{flags:?}: {}", ran.stderr);
        assert!(!file.exists());
    }
    let ran = accept(id, &[&said[..], &["--group", group, "--json"]].concat()).expect_code(0);
    assert!(ran.stdout.contains(group), "{}", ran.stdout);
    // Accepted by somebody, with a comment beside it: everybody's command to accept the rest leaves it alone.
    let typed = std::fs::read_to_string(&file)
        .unwrap()
        .replace("\"ada\"", "\"bob\" # by phone");
    std::fs::write(&file, &typed).unwrap();
    let ran = accept(
        id,
        &[&said[..], &["--endpoint", "GET * /orders/{id}"]].concat(),
    );
    assert!(ran.expect_code(0).stdout.starts_with("nothing new"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), typed);
    let accepted = [&SIDES[..], &["--accepted", file.to_str().unwrap()]].concat();
    assert_eq!(compared.document(&accepted).verdict, RunVerdict::Pass);
    // Mended in the next build, and so marked, it is news if it comes back.
    compared.replay("mended", old, &[]);
    let sides = ["--baseline", "old", "--candidate", "mended"];
    let printed = compared.file("printed.json");
    std::fs::write(
        &printed,
        compared.compare(&[&sides[..], &["--json"]].concat()).stdout,
    )
    .unwrap();
    let ran = accept(printed.to_str().unwrap(), &["--mark-fixed"]).expect_code(0);
    assert!(
        ran.stdout.starts_with(&format!("fixed {group} ")),
        "{}",
        ran.stdout
    );
    let returned = compared.document(&accepted);
    assert_eq!(returned.groups[0].standing.as_deref(), Some("returned"));
    assert_eq!(returned.verdict, RunVerdict::Fail);
    std::fs::write(&file, format!("{typed}[[accepted]]\ngroup = \"x\"\n")).unwrap();
    let ran = accept(id, &[&said[..], &["--all"]].concat()).expect_code(2);
    assert!(ran.stderr.contains("accepted.toml:"), "{}", ran.stderr);
}

#[test]
fn suggested_rules_are_read_and_set_aside_what_they_were_made_from() {
    fn traced(arrival: &Arrival) -> Answer {
        let id = arrival.path().rsplit('/').next().unwrap();
        let total = if id == "2" { "11.50" } else { "10.50" };
        let body = format!(
            "{{\"id\":{id},\"total\":\"{total}\",\"note\":\"took {id} of {}\"}}",
            arrival.at.as_nanos()
        );
        Answer::json(body)
    }
    let compared = Compared::new(traced, traced);
    let archive = compared.archive();
    let suggest = |run_name: &str| {
        let flags = ["rules", "suggest", run_name, "--archive", &archive];
        run(replayer().args(flags)).expect_code(0).stdout
    };
    // Against the recording: a field that production does not have is nothing to be quiet about.
    let of_run = suggest("old");
    assert!(of_run.contains("# Not proposed"), "{of_run}");
    assert!(of_run.contains("body $.note: something is missing, new, or of another type, 3 differences in 3 of 3 judged requests"), "{of_run}");
    let document = compared.document(&SIDES);
    assert_eq!(document.totals.refactor, 3);
    let of_comparison = suggest(&document.comparison);
    let file = compared.file("rules.toml");
    std::fs::write(&file, &of_comparison).unwrap();
    let ruled = compared.document(&[&SIDES[..], &["--rules", file.to_str().unwrap()]].concat());
    assert_eq!(ruled.verdict, RunVerdict::Pass, "{of_comparison}");
    assert_eq!(ruled.rules[0].suppressed, 3);
    let ran = run(replayer().args(["rules", "suggest", "nothing", "--archive", &archive]));
    assert!(ran.expect_code(2).stderr.contains("nothing"));
}

#[test]
fn rules_and_presets_set_aside_and_are_counted() {
    let compared = Compared::new(old, new);
    let preset = compared.document(&[&SIDES[..], &["--preset", "oracle"]].concat());
    assert_eq!(preset.verdict, RunVerdict::Pass, "{}", preset.sentence);
    let scale = preset
        .rules
        .iter()
        .find(|rule| rule.rule == "oracle: number scale")
        .unwrap();
    assert_eq!(scale.suppressed, 1);
    let file = compared.file("rules.toml");
    std::fs::write(&file, "[[ignore]]\nat = \"$.total\"\nwhere = 1\n").unwrap();
    let ran = compared.compare(&[&SIDES[..], &["--rules", file.to_str().unwrap()]].concat());
    let ran = ran.expect_code(2);
    assert!(ran.stderr.contains("rules.toml:3: "), "{}", ran.stderr);
}

#[test]
fn files_for_ci_and_the_stored_result() {
    let compared = Compared::new(old, new);
    let (junit, html) = (compared.file("junit.xml"), compared.file("report.html"));
    let flags = [
        "--junit",
        junit.to_str().unwrap(),
        "--html",
        html.to_str().unwrap(),
        "--github",
    ];
    let ran = compared
        .compare(&[&SIDES[..], &flags].concat())
        .expect_code(1);
    assert!(
        ran.stderr
            .contains("::error title=GET shop.test /orders/{id}::body $.total"),
        "{}",
        ran.stderr
    );
    let junit = std::fs::read_to_string(junit).unwrap();
    // The endpoint, and the gate that asks for no such thing.
    assert!(junit.contains("failures=\"2\""), "{junit}");
    let document = compared.document(&SIDES);
    assert!(
        std::fs::read_to_string(html)
            .unwrap()
            .contains(&document.comparison)
    );
    let folder = format!("{}/comparisons/{}", compared.archive(), document.comparison);
    let findings = std::fs::read(format!("{folder}/findings/000000.parquet")).unwrap();
    let findings = schema::decode_findings(findings.into(), &Keyring::default()).unwrap();
    assert_eq!(
        findings
            .iter()
            .filter(|finding| finding.blame == schema::Blame::Refactor)
            .count(),
        1
    );
    let report = run(replayer().args(["report", &folder, "--json"])).expect_code(1);
    assert_eq!(
        ComparisonDocument::from_json(report.stdout.as_bytes()).unwrap(),
        document
    );
}

#[test]
fn a_gate_alone_fails_in_the_files_for_ci() {
    let compared = Compared::new(old, old);
    let junit = compared.file("junit.xml");
    let flags = ["--junit", junit.to_str().unwrap(), "--github"];
    let gate = ["--require", "GET * /nowhere"];
    let read = || std::fs::read_to_string(&junit).unwrap();
    let ran = compared.compare(&[&SIDES[..], &flags].concat());
    assert!(ran.expect_code(0).stdout.starts_with("pass"));
    assert!(read().contains("failures=\"0\" errors=\"0\""), "{}", read());
    let ran = compared
        .compare(&[&SIDES[..], &flags, &gate].concat())
        .expect_code(1);
    let what = "0 requests of endpoint GET * /nowhere were judged";
    assert!(ran.stderr.contains(what), "{}", ran.stderr);
    let failure = format!("name=\"--require\"><failure type=\"gate\" message=\"{what}\"/>");
    assert!(read().contains(&failure), "{}", read());
    assert!(read().contains("failures=\"1\""), "{}", read());
}

#[test]
fn a_run_that_is_not_whole_is_no_pass() {
    let compared = Compared::new(old, old);
    assert_eq!(compared.document(&SIDES).verdict, RunVerdict::Pass);
    // A filter of the candidate's run is the comparison's; of the baseline's run it makes requests incomparable.
    compared.replay("few", old, &["--path", "/orders/1"]);
    let few = compared.document(&["--baseline", "old", "--candidate", "few"]);
    assert_eq!(
        (few.verdict, few.totals.selected, few.baseline.outside),
        (RunVerdict::Pass, 1, 2)
    );
    let lacking = compared.document(&["--baseline", "few", "--candidate", "old"]);
    assert_eq!(
        (lacking.verdict, lacking.totals.incomparable),
        (RunVerdict::NotEnoughEvidence, 2)
    );
    let required = ["--require", "GET * /users/*"];
    let document = compared.document(&[&SIDES[..], &required].concat());
    assert_eq!(document.verdict, RunVerdict::NotEnoughEvidence);
    let missing = compared.compare(&["--candidate", "nothing"]).expect_code(2);
    assert!(missing.stderr.contains("nothing"), "{}", missing.stderr);
}
