//! Reproducers: the requests of a group's shortest chain as a shell script that calls curl.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

use replayer_core::verdict::Tally;
use schema::comparison::ComparisonDocument;
use schema::{Exchange, ExchangeId, Request, Table};

use super::inputs::Inputs;
use crate::show;

/// Groups that get a script; others have the ids of their requests.
const SCRIPTS_MAX: usize = 100;
/// Header fields that curl makes itself.
const MADE_BY_CURL: [&str; 5] = [
    "content-length",
    "connection",
    "transfer-encoding",
    "expect",
    "keep-alive",
];

/// Writes a script into each of the first groups that need a person.
pub(super) async fn write_scripts(
    document: &mut ComparisonDocument,
    inputs: &Inputs,
    tally: &Tally,
) -> anyhow::Result<()> {
    let mut found: HashMap<ExchangeId, Option<Exchange>> = HashMap::new();
    for chain in tally.reproducers(SCRIPTS_MAX) {
        for &(id, start) in &chain {
            if let Entry::Vacant(place) = found.entry(id) {
                place.insert(show::at(&inputs.store, &Table::Exchanges, start, id).await?);
            }
        }
        let ids: Vec<String> = chain.iter().map(|(id, _)| id.to_string()).collect();
        let requests: Vec<(&str, &Request)> = chain
            .iter()
            .zip(&ids)
            .filter_map(|((id, _), text)| {
                let exchange = found.get(id)?.as_ref()?;
                Some((text.as_str(), exchange.request.as_ref()?))
            })
            .collect();
        let of_chain = document
            .groups
            .iter_mut()
            .filter(|group| group.reproducer == ids);
        for group in of_chain.filter(|group| group.blame == "refactor") {
            group.script = script(&group.endpoint, &requests);
        }
    }
    Ok(())
}

/// The script: one curl a request, in order; the last one is the one that differs.
fn script(endpoint: &str, requests: &[(&str, &Request)]) -> String {
    let mut script = String::from("#!/bin/sh\n");
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        script,
        "# {}: the last answer is the one that differs.\n# Usage: TARGET=http://host:port sh this-file\n\
         set -eu\n: \"${{TARGET:?set it to the URL of the build to ask}}\"",
        endpoint.replace(['\n', '\r'], " ")
    );
    for (id, request) in requests {
        let _ = write!(script, "\n# --exchange {id}\n{}\n", curl(request));
    }
    script
}

fn curl(request: &Request) -> String {
    let query = request
        .query
        .as_ref()
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut words = String::new();
    let body = &request.body.bytes;
    let text = std::str::from_utf8(body)
        .ok()
        .filter(|text| !text.contains('\0'));
    if text.is_none() {
        words.push_str("printf '");
        for byte in body {
            let _ = write!(words, "\\{byte:03o}");
        }
        words.push_str("' | ");
    }
    words.push_str("curl -sS -i --path-as-is --globoff");
    if request.method == "HEAD" {
        words.push_str(" --head");
    } else {
        let _ = write!(words, " -X {}", quoted(&request.method));
    }
    let _ = write!(
        words,
        " \"$TARGET\"{}",
        quoted(&format!("{}{query}", request.path))
    );
    for (name, value) in request.headers.iter() {
        if !MADE_BY_CURL
            .iter()
            .any(|made| name.eq_ignore_ascii_case(made))
        {
            // A field without a value would be left out.
            let field = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            let _ = write!(words, " \\\n  -H {}", quoted(&field));
        }
    }
    if !body.is_empty() {
        if request.headers.get("content-type").is_none() {
            words.push_str(" \\\n  -H 'Content-Type:'");
        }
        match text {
            Some(text) => drop(write!(words, " \\\n  --data-raw {}", quoted(text))),
            None => words.push_str(" \\\n  --data-binary @-"),
        }
    }
    words
}

/// A word that the shell takes as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
