use schema::{Pattern, Request};

use super::{Allowed, Permissions, Rule, writes};
use crate::rewrite::Skip;
use crate::testing::{exchange, with_request};

fn request(method: &str, host: &str, path: &str) -> Request {
    let change = |request: &mut Request| {
        request.method = method.to_owned();
        request.host = Some(host.to_owned());
        request.path = path.to_owned();
    };
    with_request(exchange(1, 0, 0), change).request.unwrap()
}

#[test]
fn unless_told_otherwise_only_what_reads_is_sent() {
    let permissions = Permissions::default();
    for method in ["GET", "HEAD", "OPTIONS", "PROPFIND", "QUERY"] {
        assert_eq!(permissions.check(&request(method, "a", "/")), Ok(()));
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "MKCOL", "get", "ANYTHING"] {
        let checked = permissions.check(&request(method, "a", "/"));
        assert_eq!(checked, Err(Skip::WriteNotAllowed), "{method}");
        assert!(writes(method));
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rule = |methods: &[&str], host: &str, path: &str, allowed| Rule {
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        host: (!host.is_empty()).then(|| Pattern::host(host).unwrap()),
        path: (!path.is_empty()).then(|| Pattern::path(path).unwrap()),
        allowed,
    };
    let permissions = Permissions {
        rules: vec![
            rule(&[], "", "/pay/**", Allowed::Nothing),
            rule(&["post"], "*.shop.test", "/quotes", Allowed::All),
            rule(&[], "", "/orders/**", Allowed::ReadOnly),
        ],
        otherwise: Allowed::All,
    };
    let table = [
        ("GET", "a", "/pay/1", Err(Skip::Policy)),
        ("POST", "api.shop.test", "/quotes", Ok(())),
        ("POST", "a", "/orders/1", Err(Skip::WriteNotAllowed)),
        ("GET", "a", "/orders/1", Ok(())),
        ("DELETE", "a", "/else", Ok(())),
    ];
    for (method, host, path, expected) in table {
        let checked = permissions.check(&request(method, host, path));
        assert_eq!(checked, expected, "{method} {host} {path}");
    }
}
