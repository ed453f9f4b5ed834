//! The TOML file of rules.

use globset::GlobMatcher;
use serde::Deserialize;
use toml::Spanned;

use super::{Action, Rule, RuleSet};
use crate::template::FixedTemplate;
use crate::{endpoint, location};

/// Why a file of rules was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct RulesError {
    /// Name of the file, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    presets: Vec<Spanned<String>>,
    #[serde(default)]
    ignore: Vec<Spanned<Place>>,
    #[serde(default)]
    tolerate: Vec<Spanned<Tolerate>>,
    #[serde(default)]
    unordered: Vec<Spanned<Place>>,
    #[serde(default)]
    keyed: Vec<Spanned<Keyed>>,
    #[serde(default)]
    mask: Vec<Spanned<Place>>,
    #[serde(default)]
    template: Vec<Template>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    endpoint: Option<Spanned<String>>,
    at: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tolerate {
    endpoint: Option<Spanned<String>>,
    at: Spanned<String>,
    number: Option<Spanned<f64>>,
    time: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    endpoint: Option<Spanned<String>>,
    at: Spanned<String>,
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    host: Option<Spanned<String>>,
    path: Spanned<String>,
}

/// Reads a file of rules.
///
/// # Errors
/// If it is no TOML, or says something that no rule says; with the line.
pub fn parse_rules(text: &str, file: &str) -> Result<RuleSet, RulesError> {
    let reader = Reader { text, file };
    let parsed: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.error(at, error.message().trim().to_owned())
    })?;
    let mut rules = Vec::new();
    for (kind, action, places) in [
        ("ignore", Action::Ignore, &parsed.ignore),
        ("unordered", Action::Unordered, &parsed.unordered),
        ("mask", Action::Mask, &parsed.mask),
    ] {
        for place in places {
            let rule = place.as_ref();
            rules.push(reader.rule(kind, rule.endpoint.as_ref(), &rule.at, action.clone())?);
        }
    }
    for keyed in &parsed.keyed {
        let rule = keyed.as_ref();
        let action = Action::Keyed(rule.key.clone());
        rules.push(reader.rule("keyed", rule.endpoint.as_ref(), &rule.at, action)?);
    }
    for tolerate in &parsed.tolerate {
        let rule = tolerate.as_ref();
        let action = match (&rule.number, &rule.time) {
            (Some(number), None) => {
                let most = *number.as_ref();
                if !most.is_finite() || most < 0.0 {
                    return Err(
                        reader.error(number.span().start, "number is no distance".to_owned())
                    );
                }
                Action::TolerateNumber(most)
            }
            (None, Some(time)) => Action::TolerateTime(reader.span_us(time)?),
            _ => {
                let problem = "tolerate takes number or time, and not both".to_owned();
                return Err(reader.error(tolerate.span().start, problem));
            }
        };
        rules.push(reader.rule("tolerate", rule.endpoint.as_ref(), &rule.at, action)?);
    }
    let mut presets = Vec::new();
    for preset in &parsed.presets {
        presets.push(
            preset
                .as_ref()
                .parse()
                .map_err(|problem| reader.error(preset.span().start, problem))?,
        );
    }
    let templates = parsed
        .template
        .iter()
        .map(|template| reader.template(template));
    let templates = templates.collect::<Result<_, _>>()?;
    Ok(RuleSet::new(rules, presets, templates))
}

struct Reader<'a> {
    text: &'a str,
    file: &'a str,
}

impl Reader<'_> {
    fn rule(
        &self,
        kind: &str,
        endpoint: Option<&Spanned<String>>,
        at: &Spanned<String>,
        action: Action,
    ) -> Result<Rule, RulesError> {
        let line = self.line(at.span().start);
        Ok(Rule {
            endpoint: endpoint.map(|glob| self.glob(glob, false)).transpose()?,
            name: format!("{}:{line} {kind} {}", self.file, at.as_ref()),
            at: (at.as_ref().clone(), self.glob(at, true)?),
            action,
        })
    }

    fn template(&self, template: &Template) -> Result<FixedTemplate, RulesError> {
        let host = template.host.as_ref().map(|host| {
            let text = host.as_ref().to_ascii_lowercase();
            let glob = endpoint::glob(&text).map_err(|error| {
                let problem = format!("`{text}` is no glob: {}", error.kind());
                self.error(host.span().start, problem)
            });
            glob.map(|glob| (text, glob))
        });
        let at = template.path.span().start;
        let name = format!("{}:{}", self.file, self.line(at));
        FixedTemplate::new(host.transpose()?, template.path.as_ref(), name)
            .map_err(|problem| self.error(at, problem))
    }

    /// A glob; in a place, brackets are indices and not classes of characters.
    fn glob(&self, glob: &Spanned<String>, is_place: bool) -> Result<GlobMatcher, RulesError> {
        let text = glob.as_ref();
        let built = if is_place {
            location::glob(text)
        } else {
            endpoint::glob(text)
        };
        built.map_err(|error| {
            let problem = format!("`{text}` is no glob: {}", error.kind());
            self.error(glob.span().start, problem)
        })
    }

    /// `500ms`, `5s`, `2m`, `1h` in microseconds.
    fn span_us(&self, span: &Spanned<String>) -> Result<i64, RulesError> {
        let text = span.as_ref();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit_us = match unit {
            "us" => Some(1),
            "ms" => Some(1_000),
            "s" => Some(1_000_000),
            "m" => Some(60_000_000),
            "h" => Some(3_600_000_000),
            _ => None,
        };
        let us = unit_us.zip(number.parse::<i64>().ok());
        us.and_then(|(unit, number)| number.checked_mul(unit))
            .ok_or_else(|| {
                let problem = format!("`{text}` is no span of time such as 500ms, 5s or 1h");
                self.error(span.span().start, problem)
            })
    }

    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn error(&self, at: usize, problem: String) -> RulesError {
        RulesError {
            file: self.file.to_owned(),
            line: self.line(at),
            problem,
        }
    }
}
