//! Proposals as a file that `--rules` reads.

use std::fmt::Write as _;

use schema::comparison::PathTemplate;

use super::Suggestion;
use crate::compare::{excerpt, write_string};
use crate::{endpoint, location};

/// Bytes of an example's value.
const VALUE_BYTES_MAX: usize = 60;

/// Proposals as TOML: presets, then a table each, then learned path templates, to be pinned, then, as comments, what is not
/// proposed. `source` names the run, and `beyond` how many differences were not looked at.
#[must_use]
pub fn to_toml(
    suggestions: &[Suggestion],
    templates: &[PathTemplate],
    source: &str,
    beyond: u64,
) -> String {
    let mut text = String::new();
    let differences: u64 = suggestions.iter().map(|s| s.differences).sum();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        text,
        "# Proposed from {}: {differences} differences at {} places.\n\
         # A rule hides what it names. Read each with its evidence, and keep those that you would defend.",
        one_line(source),
        suggestions.len()
    );
    if beyond > 0 {
        let _ = writeln!(
            text,
            "# {beyond} differences at more places were not looked at."
        );
    }
    presets(suggestions, &mut text);
    for suggestion in suggestions {
        let Some(rule) = suggestion.rule.filter(|rule| *rule != "preset") else {
            continue;
        };
        let _ = write!(
            text,
            "\n# {}: {}; {}\n[[{rule}]]\nendpoint = {}\nat = {}\n",
            suggestion.reason,
            evidence(suggestion),
            example(suggestion),
            quoted(&endpoint::glob_of(&suggestion.endpoint)),
            quoted(&location::glob_of(&suggestion.at))
        );
        if let Some(says) = &suggestion.says {
            let _ = writeln!(text, "{says}");
        }
    }
    for template in templates
        .iter()
        .filter(|template| template.source == "learned")
    {
        let _ = write!(
            text,
            "\n# Learned from {} values in {} requests.\n[[template]]\nhost = {}\npath = {}\n",
            template.values,
            template.requests,
            quoted(&endpoint::glob_of(&template.host)),
            quoted(&template.template)
        );
    }
    let left: Vec<&Suggestion> = suggestions.iter().filter(|s| s.rule.is_none()).collect();
    if !left.is_empty() {
        text.push_str("\n# Not proposed: a person has to look at these.\n");
    }
    for suggestion in left {
        let _ = writeln!(
            text,
            "#   {}: {}, {}; {}",
            place(suggestion),
            suggestion.reason,
            evidence(suggestion),
            example(suggestion)
        );
    }
    text
}

fn presets(suggestions: &[Suggestion], text: &mut String) {
    let of_preset = |name: &str| {
        let is_of = |s: &&Suggestion| s.rule == Some("preset") && s.says.as_deref() == Some(name);
        suggestions.iter().filter(is_of).collect::<Vec<_>>()
    };
    let (oracle, clock) = (of_preset("oracle"), of_preset("clock"));
    let named: Vec<String> = [("oracle", &oracle), ("clock", &clock)]
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, _)| quoted(name))
        .collect();
    if named.is_empty() {
        return;
    }
    text.push('\n');
    for suggestion in oracle.into_iter().chain(clock) {
        let _ = writeln!(
            text,
            "# {}: {}, {}; {}",
            suggestion.reason,
            place(suggestion),
            evidence(suggestion),
            example(suggestion)
        );
    }
    let _ = writeln!(text, "presets = [{}]", named.join(", "));
}

fn place(suggestion: &Suggestion) -> String {
    let space = if suggestion.at.is_empty() { "" } else { " " };
    one_line(&format!(
        "{} {}{space}{}",
        suggestion.endpoint, suggestion.part, suggestion.at
    ))
}

fn evidence(suggestion: &Suggestion) -> String {
    let of = suggestion
        .of
        .map_or_else(String::new, |of| format!(" of {of} judged"));
    format!(
        "{} differences in {}{of} requests",
        suggestion.differences, suggestion.requests
    )
}

fn example(suggestion: &Suggestion) -> String {
    let value = |value: &Option<String>| {
        value.as_deref().map_or_else(
            || "nothing".to_owned(),
            |value| one_line(&excerpt::beginning(value, VALUE_BYTES_MAX)),
        )
    };
    format!(
        "e.g. {} -> {} (--exchange {})",
        value(&suggestion.expected),
        value(&suggestion.actual),
        suggestion.example
    )
}

/// Text that a comment can hold: TOML allows no control character there but the tab.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// A basic string of TOML, which has the escapes of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    write_string(text, &mut quoted);
    quoted.replace('\u{7f}', "\\u007f")
}
