use clap::Parser as _;
use replayer_core::pace::Pace;
use replayer_core::rewrite::HostPolicy;
use replayer_core::window::{Calendar, Span};

use super::RunConfig;
use crate::cli::{Cli, Command};

/// `replayer run` with `flags` after what it always needs.
fn config(target: &str, flags: &[&str]) -> anyhow::Result<RunConfig> {
    let typed = ["replayer", "run", "--archive", "a", "--target", target];
    match Cli::try_parse_from(typed.iter().chain(flags))?.command {
        Command::Run(args) => (*args).try_into(),
        _ => unreachable!("run was typed"),
    }
}

#[test]
fn targets() {
    let table = [
        (
            "http://10.0.0.1:8080",
            "10.0.0.1",
            8080,
            "10.0.0.1:8080",
            "",
        ),
        ("http://shop.test", "shop.test", 80, "shop.test", ""),
        ("https://shop.test/", "shop.test", 443, "shop.test", ""),
        ("http://[::1]:81/v2/", "::1", 81, "[::1]:81", "/v2"),
        ("http://[::1]", "::1", 80, "[::1]", ""),
        ("http://a/%2f/../b", "a", 80, "a", "/%2f/../b"),
    ];
    for (url, host, port, authority, prefix) in table {
        let config = config(url, &["--last", "1d", "--host-header", "target"]).unwrap();
        assert_eq!(
            (config.target.host(), config.target.port()),
            (host, port),
            "{url}"
        );
        assert_eq!(
            config.rewrite.host,
            HostPolicy::Fixed(authority.to_owned()),
            "{url}"
        );
        assert_eq!(config.rewrite.path_prefix, prefix, "{url}");
        assert_eq!(config.target.is_tls(), url.starts_with("https"), "{url}");
    }
}

#[test]
fn windows() {
    let span = |flags: &[&str]| config("http://a", flags).unwrap().selection.span;
    assert_eq!(span(&["--window", "month"]), Span::Newest(Calendar::Month));
    assert_eq!(
        span(&["--last", "1h"]),
        Span::Last(std::time::Duration::from_secs(3_600))
    );
    assert_eq!(
        span(&["--exchange", "00000000000000ff-1"]),
        Span::Between {
            from: None,
            to: None
        }
    );
    let noon = "2026-11-22T12:00:00Z";
    assert_eq!(
        span(&["--from", noon]),
        Span::Between {
            from: Some(noon.parse().unwrap()),
            to: None
        }
    );
}

#[test]
fn paces() {
    let pace = |flags: &[&str]| {
        let all: Vec<&str> = ["--last", "1d"].iter().chain(flags).copied().collect();
        config("http://a", &all).unwrap().timing.pace
    };
    assert_eq!(pace(&[]), Pace::Recorded { speed: 1.0 });
    assert_eq!(pace(&["--speed", "0.5"]), Pace::Recorded { speed: 0.5 });
    assert_eq!(pace(&["--speed", "max"]), Pace::Max);
    assert_eq!(pace(&["--rate", "500/s"]), Pace::Even { per_second: 500.0 });
}

#[test]
fn filters_are_told_as_typed() {
    let flags = [
        "--last", "1d", "--method", "get", "--path", "/a/**", "--status", "5xx", "--header", "x=*",
        "--sample", "10%",
    ];
    assert_eq!(
        config("http://a", &flags).unwrap().selection.filter_text,
        [
            "--method get",
            "--path /a/**",
            "--status 500-599",
            "--header x=*",
            "--sample 10%",
            "--sample-by connection"
        ]
    );
}
