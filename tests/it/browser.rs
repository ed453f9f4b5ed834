//! The report of a comparison in a real browser, as a reader uses it.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{browse, replayer, run};

const GROUPS: usize = 10_000;
const ID: &str = "00000000000000aa";

/// A page of a comparison with ten thousand groups, and holes in what was recorded.
struct Page {
    folder: TempDir,
}

impl Page {
    fn new() -> Self {
        let page = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let comparison = page.file("archive").join("comparisons").join(ID);
        std::fs::create_dir_all(&comparison).unwrap();
        let document = serde_json::to_vec(&document()).unwrap();
        std::fs::write(comparison.join("comparison.json"), document).unwrap();
        let _ran = run(replayer()
            .arg("report")
            .arg(&comparison)
            .arg("--html")
            .arg(page.file("page.html")))
        .expect_code(1);
        page
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the steps gave; the last is that nothing was wrong, and nothing was asked of any server.
    fn browse(&self, steps: &[Value]) -> Vec<Value> {
        let steps = [steps, &[json!({"errors": true})]].concat();
        let mut given = browse(&self.file("page.html"), &steps);
        assert_eq!(given.pop(), Some(json!([])));
        given
    }
}

fn group(index: usize) -> Value {
    let endpoint = ["orders", "users", "items", "carts"][index % 4];
    let is_refactor = !index.is_multiple_of(5);
    // What traffic says is text, whatever it looks like.
    let cause = if index == 3 {
        "</script><img src=x onerror=\"document.title='bad'\">"
    } else {
        "another last digit"
    };
    let at = "2026-11-22T13:00:00Z";
    json!({
        "group": format!("{index:016x}"), "endpoint": format!("GET shop.test /{endpoint}/{{id}}"), "part": "body",
        "location": format!("$.field{index}[*].price"), "kind": "value", "cause": cause,
        "blame": if is_refactor { "refactor" } else { "environment" }, "standing": is_refactor.then_some("new"),
        "requests": 20_000 - index, "findings": 20_000 - index, "of": 123_456, "first": at, "last": at,
        "examples": [{
            "exchange": format!("00c0ffee00c0ffee-{index}"), "request": format!("GET /{endpoint}/{index}"),
            "location": format!("$.field{index}[0].price"), "recorded": null, "expected": "10.50", "actual": "10.5",
        }],
        "reproducer": ["00c0ffee00c0ffee-1"], "script": if index < 100 { format!("#!/bin/sh\ncurl \"$TARGET\"/{index}\n") } else { String::new() },
        "sides": {"rows": [
            {"recorded": "\"a\": 1", "baseline": "\"a\": 1", "candidate": "\"a\": 2"},
            {"recorded": null, "baseline": null, "candidate": null},
            {"recorded": null, "baseline": "\"gone\": \"a long line that goes on and on and on\"", "candidate": null},
        ], "rows_left_out": 3},
    })
}

fn document() -> Value {
    let side = |run: &str| json!({"run": run, "label": "4710", "state": "finished", "exchanges": 200_000, "outside": 3, "unjoined": 0, "lag_us_max": 120_000});
    let totals = json!({
        "selected": 200_000, "captured": 199_000, "sent": 199_500, "judged": 198_000, "same": 150_000, "refactor": 20_000, "fixed": 100,
        "environment": 10_000, "noise": 17_000, "rule": 900, "incomparable": 2_000,
        "incomparable_by": [{"reason": "recorded response_gap", "count": 2_000}], "findings": 40_000, "noise_suppressed": 30_000, "rule_suppressed": 12,
    });
    let latency = |us: u64| json!({"count": 1_000, "mean_us": us as f64, "p50_us": us, "p90_us": us * 2, "p99_us": us * 3, "p999_us": us * 4, "max_us": us * 6});
    let endpoints: Vec<Value> = ["orders", "users", "items", "carts"]
        .map(|name| {
            json!({
                "endpoint": format!("GET shop.test /{name}/{{id}}"), "totals": totals,
                "latency": {"recorded": latency(5_000), "replayed": latency(7_000)},
                "slower": {"pairs": 1_000, "mean_us": 2_000.0, "low_us": 1_500.0, "high_us": 2_500.0},
            })
        })
        .to_vec();
    let hole = |from: &str, to: &str, kind: &str, count: u64| {
        let at = |minute: &str| format!("2026-11-22T{minute}:00Z");
        json!({"from": at(from), "to": at(to), "kind": kind, "count": count})
    };
    let buckets: Vec<Value> = (0..60)
        .map(|minute| json!({"requests": 3_000 + minute * 10, "judged": 2_900 + minute * 9, "refactor": if minute % 7 == 0 { 100 } else { 3 }}))
        .collect();
    json!({
        "format": 1, "comparison": ID, "program": "replayer", "archive": "s3://traffic/shop", "from": "2026-11-22T12:30:00Z",
        "to": "2026-11-22T14:30:00Z", "filters": [], "baseline": side("old"), "candidate": side("new"), "noise_runs": [side("again")],
        "coverage": {
            "minutes": 120, "minutes_recorded": 110, "frames": 1_000_000, "frames_dropped": 5, "frames_truncated": 0, "gaps": 2,
            "gap_bytes": 1_234, "exchanges": 200_000, "exchanges_incomplete": 20, "exchanges_shed": 7, "interruptions": 1,
            "exchanges_sampled_out": 0, "bytes_tls": 0,
        },
        "holes": [
            hole("12:40", "12:50", "not recorded", 10), hole("13:10", "13:11", "interrupted", 1), hole("13:11", "13:12", "exchanges shed", 7),
        ],
        "verdict": "fail", "sentence": "the refactor changed 20,000 answers in 8,000 ways, at 4 endpoints",
        "reasons": ["of 200,000 requests: 99.50 % captured, 99.75 % sent, 99.00 % judged"],
        "gates": [{"gate": "--fail-on new", "holds": false, "text": "the refactor changed 20,000 answers"}],
        "totals": totals, "endpoints": endpoints, "groups": (0..GROUPS).map(group).collect::<Vec<_>>(), "ungrouped": 0,
        "noise": [{
            "endpoint": "GET shop.test /orders/{id}", "part": "body", "location": "$.at", "kind": "value", "volatile": "timestamp",
            "bound": "a time from -5.0 s to +5.0 s of the request", "evidence": 1_000, "of": 1_000, "suppressed": 998,
            "example": "00c0ffee00c0ffee-1", "left": "\"2026-11-22T13:00:00Z\"", "right": "\"2026-11-22T13:00:09Z\"",
        }],
        "rules": [{"rule": "rules.toml:3 ignore $.trace", "suppressed": 12}],
        "templates": [{"host": "shop.test", "template": "/users/{name}", "source": "learned", "values": 150, "requests": 320, "words": ["search"]}],
        "timeline": {"start": "2026-11-22T13:00:00Z", "bucket_us": 60_000_000, "buckets": buckets},
    })
}

fn text(id: &str) -> Value {
    json!({"eval": format!("document.getElementById('{id}').textContent")})
}

#[test]
fn ten_thousand_groups_are_searched_and_walked_by_keyboard() {
    let page = Page::new();
    let rows = json!({"eval": "document.querySelectorAll('.group').length"});
    let key = |name: &str| json!({"key": name});
    let at = json!({"eval": "location.hash + ' ' + document.querySelector('.group.on').dataset.i"});
    let scroll = "(() => { const list = document.getElementById('list'), times = []; \
        for (let i = 0; i < 200; i++) { list.scrollTop = i * 2000; const start = performance.now(); list.dispatchEvent(new Event('scroll')); \
        document.querySelector('.group').offsetTop; times.push(performance.now() - start); } \
        return times.sort((a, b) => a - b)[100] < 100 && document.querySelectorAll('.group').length < 60; })()";
    let given = page.browse(&[
        text("verdict"),
        text("count"),
        rows,
        key("/"),
        json!({"type": "field77 USERS"}),
        text("count"),
        key("Escape"),
        text("count"),
        key("j"),
        key("ArrowDown"),
        key("k"),
        at,
        text("detail"),
        json!({"eval": scroll}),
        // What traffic says came as text, and no address of it was asked for.
        json!({"eval": "document.querySelectorAll('img').length + document.title"}),
        json!({"eval": "{ const e = document.getElementById('endpoint'); e.value = e.options[1].value; e.dispatchEvent(new Event('input')); e.value }"}),
        text("count"),
        json!({"eval": "(() => { const save = document.querySelector('#detail a[download]'); \
            return save.download + ' ' + decodeURIComponent(save.href.slice(save.href.indexOf(',') + 1)); })()"}),
    ]);
    let is =
        |index: usize, expected: &str| assert_eq!(given[index], json!(expected), "step {index}");
    is(0, "fail");
    is(1, "8,000 of 10,000 groups");
    assert!(given[2].as_u64().unwrap() < 60, "{}", given[2]);
    // field77, and field770 to field7799 that are of users; of every five one is of the environment.
    let of_users = (0..GROUPS)
        .filter(|i| i.to_string().starts_with("77") && i % 4 == 1 && !i.is_multiple_of(5))
        .count();
    is(5, &format!("{of_users} of 10,000 groups"));
    is(7, "8,000 of 10,000 groups");
    is(11, "#0000000000000002 1");
    let detail = given[12].as_str().unwrap();
    for part in [
        "GET shop.test /items/{id}",
        "19,998 of 123,456 judged requests",
        "curl \"$TARGET\"/2",
        "replayer accept s3://traffic/shop/comparisons/00000000000000aa",
        "--group 0000000000000002",
    ] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert_eq!(given[13], json!(true), "scrolling is slow");
    is(14, "0fail: new against old");
    is(15, "GET shop.test /carts/{id}");
    is(16, "2,000 of 10,000 groups");
    assert_eq!(
        given[17],
        json!("reproduce-0000000000000003.sh #!/bin/sh\ncurl \"$TARGET\"/3\n")
    );
}

#[test]
fn a_link_opens_its_group() {
    let page = Page::new();
    let selected = json!({"eval": "document.querySelector('.group.on').textContent"});
    let given = page.browse(&[
        json!({"open": "#000000000000166d"}),
        selected.clone(),
        text("detail"),
        json!({"eval": "new Promise((done) => { addEventListener('hashchange', () => setTimeout(done)); location.hash = '0000000000000005'; })"}),
        selected,
    ]);
    assert!(
        given[1].as_str().unwrap().contains("$.field5741[*].price"),
        "{}",
        given[1]
    );
    assert!(
        given[2]
            .as_str()
            .unwrap()
            .contains("Group 000000000000166d."),
        "{}",
        given[2]
    );
    // A group of the environment, which the page does not list at first.
    assert!(
        given[4].as_str().unwrap().contains("$.field5[*].price"),
        "{}",
        given[4]
    );
}

#[test]
fn holes_are_drawn_and_told() {
    let page = Page::new();
    let titles = "[...document.querySelectorAll('#timeline title')].map((t) => t.textContent).filter((t) => !t.includes('requests')).join('; ')";
    let given = page.browse(&[
        text("ledger"),
        json!({"eval": titles}),
        text("holes"),
        text("templates"),
    ]);
    let all: Vec<&str> = given.iter().map(|text| text.as_str().unwrap()).collect();
    for (text, part) in [
        (all[0], "110 of 120 minutes recorded"),
        (all[0], "7 exchanges shed (spool full or damaged)"),
        (all[0], "1 interruption of a recorder"),
        (
            all[1],
            "2026-11-22 12:40 to 2026-11-22 12:50: 10 minutes not recorded",
        ),
        (
            all[1],
            "2026-11-22 13:11 to 2026-11-22 13:12: 7 exchanges shed",
        ),
        (all[2], "3 holes"),
        (all[2], "1 interrupted"),
        (all[3], "/users/{name}learned150320search"),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// `REPRISE_SCREENSHOTS=FOLDER` keeps the pictures, for a person to look at.
#[test]
fn the_page_fits_a_laptop_and_a_phone_in_light_and_dark() {
    let page = Page::new();
    let kept = std::env::var_os("REPRISE_SCREENSHOTS").map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| page.folder.path().to_owned());
    let mut steps = Vec::new();
    let cases = [
        ("laptop", 1_280, 800),
        ("desktop", 1_440, 900),
        ("phone", 390, 844),
    ];
    for (name, width, height) in cases {
        for scheme in ["light", "dark"] {
            steps.push(json!({"size": [width, height]}));
            steps.push(json!({"scheme": scheme}));
            steps.push(json!({"open": ""}));
            steps.push(json!({"eval": "document.documentElement.scrollWidth <= innerWidth && getComputedStyle(document.body).backgroundColor"}));
            for (part, element) in [
                ("top", "body"),
                ("groups", "#differences"),
                ("rest", "#latency"),
            ] {
                steps.push(json!({"eval": format!("void document.querySelector('{element}').scrollIntoView()")}));
                steps.push(
                    json!({"screenshot": folder.join(format!("{name}-{scheme}-{part}.png"))}),
                );
            }
        }
    }
    let given = page.browse(&steps);
    let colours: Vec<&Value> = given
        .iter()
        .filter(|value| value.is_string() || value.is_boolean())
        .collect();
    let (light, dark) = (&json!("rgb(246, 247, 249)"), &json!("rgb(20, 23, 27)"));
    assert_eq!(colours, [light, dark, light, dark, light, dark]);
    let pictures = std::fs::read_dir(folder).unwrap().flatten();
    let pictures = pictures.filter(|file| file.path().extension().is_some_and(|end| end == "png"));
    assert!(pictures.count() >= 18);
}
