use expect_test::expect;
use schema::run::{RunConclusion, RunState, RunVerdict};

use super::*;
use crate::run_store::sample::document;

#[test]
fn runs_are_listed_with_their_verdict() {
    let mut passed = document("nightly-2");
    passed.state = RunState::Finished;
    passed.target.label = Some("7f3a1c".to_owned());
    passed.totals.planned = 1_200;
    passed.totals.matched = 1_200;
    passed.conclusion = Some(RunConclusion {
        verdict: RunVerdict::Pass,
        sentence: String::new(),
        reasons: vec![],
        recorded_share: 1.0,
        sent_share: 1.0,
        judged_share: 1.0,
    });
    expect![[r#"
        pass                 nightly-2
                             started 2026-11-22 13:59, finished; window 2026-11-22 13:59 to 2026-11-22 13:59
                             target http://127.0.0.1:8080/base (build 7f3a1c)
                             1,200 selected, 1,200 judged, 0 differ, 0 failed
        running              nightly-1
                             started 2026-11-22 13:59, running; window 2026-11-22 13:59 to 2026-11-22 13:59
                             target http://127.0.0.1:8080/base
                             0 selected, 0 judged, 0 differ, 0 failed
    "#]]
    .assert_eq(&list(&[passed, document("nightly-1")], Style::PLAIN));
    assert_eq!(list(&[], Style::PLAIN), "no runs in this archive\n");
}
