use schema::Completeness;

use super::Planner;
use crate::testing::{exchange, with_request};

#[test]
fn a_window_is_counted() {
    let mut planner = Planner::default();
    for index in 0..4 {
        planner.handle_exchange(&with_request(
            exchange(1, index, u64::from(index) * 400),
            |request| {
                request.path = format!("/orders/{index}");
                request.body.wire_bytes = 10;
            },
        ));
    }
    planner.handle_filtered_out();
    let mut lost = exchange(2, 0, 10_000);
    lost.completeness = Completeness::RequestGap;
    lost.response = None;
    planner.handle_exchange(&lost);
    let plan = planner.finish();
    assert_eq!(
        (plan.read, plan.filtered_out, plan.planned, plan.sendable),
        (6, 1, 5, 4)
    );
    assert_eq!(plan.skipped_by["request_gap"], 1);
    assert_eq!((plan.statuses["200"], plan.statuses["none"]), (4, 1));
    assert_eq!(plan.methods["GET"], 5);
    assert_eq!(plan.completeness["complete"], 4);
    assert_eq!(plan.request_body_bytes, 40);
    assert_eq!(
        (plan.span_s, plan.rate_mean, plan.rate_peak),
        (10.0, 0.5, 3)
    );
    let endpoints: Vec<(&str, u64)> = plan
        .endpoints
        .iter()
        .map(|e| (e.endpoint.as_str(), e.requests))
        .collect();
    assert_eq!(
        endpoints,
        [("GET shop.test /orders/{id}", 4), ("GET shop.test /", 1)]
    );
}

#[test]
fn an_empty_window_has_no_rate() {
    let plan = Planner::default().finish();
    assert_eq!((plan.planned, plan.rate_mean, plan.first), (0, 0.0, None));
}
