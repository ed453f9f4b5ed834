//! Header and trailer fields, by the table in [`policy`](super::policy).

use schema::{DivergenceKind, Headers};

use super::excerpt::{beginning, pair};
use super::policy::{Form, NotComparedSet, TABLE, row_of};
use super::{Difference, Found, Part, Rules};

/// Which host each side was asked as: what a Location of its own begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hosts<'a> {
    pub(super) expected: Option<&'a str>,
    pub(super) actual: Option<&'a str>,
}

/// Compares lists of fields.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) hosts: Hosts<'a>,
    pub(super) rules: &'a Rules,
    pub(super) found: &'a mut Found,
    pub(super) not_compared: &'a mut NotComparedSet,
}

impl Fields<'_> {
    /// Compares two lists; `part` says of what.
    pub(super) fn compare(&mut self, part: Part, expected: &Headers, actual: &Headers) {
        if expected.has_names_of(actual) {
            return self.compare_in_place(part, expected, actual);
        }
        for (index, (name, _)) in expected.iter().enumerate() {
            let row = row_of(name);
            if !is_first(expected, index, name) {
                continue;
            }
            let expected_values: Vec<&str> = expected.get_all(name).collect();
            let actual_values: Vec<&str> = actual.get_all(name).collect();
            self.field(part, name, row, &expected_values, &actual_values);
        }
        for (index, (name, _)) in actual.iter().enumerate() {
            if is_first(actual, index, name) && expected.get(name).is_none() {
                let actual_values: Vec<&str> = actual.get_all(name).collect();
                self.field(part, name, row_of(name), &[], &actual_values);
            }
        }
    }

    /// Compares two lists with the same names in the same order, as most answers have them: values of one place are each
    /// other's, and a field is looked at more closely only if one of its values is another one.
    fn compare_in_place(&mut self, part: Part, expected: &Headers, actual: &Headers) {
        let pairs = expected.iter().zip(actual.iter());
        for (index, ((name, expected_value), (_, actual_value))) in pairs.enumerate() {
            let row = row_of(name);
            self.see(row);
            if expected_value == actual_value || !is_first_change(expected, actual, index, name) {
                continue;
            }
            let expected_values: Vec<&str> = expected.get_all(name).collect();
            let actual_values: Vec<&str> = actual.get_all(name).collect();
            self.field(part, name, row, &expected_values, &actual_values);
        }
    }

    fn see(&mut self, row: Option<usize>) {
        if let Some(row) = row
            && !TABLE[row].aspect.is_empty()
        {
            self.not_compared.see(row);
        }
    }

    /// Compares the values of one field; at least one side has one.
    fn field(
        &mut self,
        part: Part,
        name: &str,
        row: Option<usize>,
        expected: &[&str],
        actual: &[&str],
    ) {
        self.see(row);
        if expected == actual {
            return;
        }
        if let Some(row) = row
            && !TABLE[row].aspect.is_empty()
        {
            self.not_compared.differ(row);
        }
        let form = row.map_or(Form::Exact, |row| TABLE[row].form);
        if form == Form::Ignored {
            return;
        }
        if form == Form::Cookies {
            return self.cookies(part, name, expected, actual);
        }
        let (expected_host, actual_host) = (self.hosts.expected, self.hosts.actual);
        let same = match (expected.is_empty(), actual.is_empty()) {
            (false, false) => {
                canonical(form, expected, expected_host) == canonical(form, actual, actual_host)
            }
            // A list may be empty in all that is compared of it: `Vary: Accept-Encoding` is as good as no Vary.
            _ if form == Form::List => {
                canonical(form, expected, None) == canonical(form, actual, None)
            }
            _ => false,
        };
        if !same {
            self.differ(
                part,
                name.to_ascii_lowercase(),
                &expected.join(", "),
                &actual.join(", "),
                (!expected.is_empty(), !actual.is_empty()),
            );
        }
    }

    /// Compares cookies by name: which are set, and with which attributes.
    fn cookies(&mut self, part: Part, name: &str, expected: &[&str], actual: &[&str]) {
        let expected: Vec<Cookie<'_>> = expected.iter().map(|value| Cookie::read(value)).collect();
        let actual: Vec<Cookie<'_>> = actual.iter().map(|value| Cookie::read(value)).collect();
        let name = name.to_ascii_lowercase();
        for cookie in &expected {
            let location = format!("{name}[{}]", cookie.name);
            let other = actual.iter().find(|other| other.name == cookie.name);
            match other {
                None => self.differ(part, location, &cookie.to_text(), "", (true, false)),
                Some(other) if other.attributes != cookie.attributes => self.differ(
                    part,
                    location,
                    &cookie.to_text(),
                    &other.to_text(),
                    (true, true),
                ),
                Some(_) => {}
            }
        }
        for cookie in &actual {
            if expected.iter().all(|other| other.name != cookie.name) {
                let location = format!("{name}[{}]", cookie.name);
                self.differ(part, location, "", &cookie.to_text(), (false, true));
            }
        }
    }

    fn differ(
        &mut self,
        part: Part,
        location: String,
        expected: &str,
        actual: &str,
        (was_there, is_there): (bool, bool),
    ) {
        let max = self.rules.excerpt_bytes_max;
        self.found.add(|| {
            let (expected, actual) = pair(expected, actual, max);
            Difference {
                part,
                location: beginning(&location, max),
                kind: match (was_there, is_there) {
                    (true, false) => DivergenceKind::Missing,
                    (false, true) => DivergenceKind::Extra,
                    _ => DivergenceKind::Value,
                },
                expected: was_there.then_some(expected),
                actual: is_there.then_some(actual),
            }
        });
    }
}

/// The fields as far as they are compared, a line each: what a reader of two answers side by side wants to see.
pub(crate) fn shown(headers: &Headers) -> Vec<String> {
    headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let form = row_of(&name).map_or(Form::Exact, |row| TABLE[row].form);
            match form {
                Form::Ignored => None,
                Form::Presence => Some(format!("{name}: …")),
                Form::Cookies => Some(format!("{name}: {}", Cookie::read(value).to_text())),
                _ => Some(format!("{name}: {value}")),
            }
        })
        .collect()
}

/// Whether the field at `index` is the first of its name.
fn is_first(headers: &Headers, index: usize, name: &str) -> bool {
    headers
        .iter()
        .take(index)
        .all(|(other, _)| !other.eq_ignore_ascii_case(name))
}

/// Whether no field of this name before `index` has another value; both lists have the same names in the same order.
fn is_first_change(expected: &Headers, actual: &Headers, index: usize, name: &str) -> bool {
    let pairs = expected.iter().zip(actual.iter());
    pairs
        .take(index)
        .all(|((other, a), (_, b))| a == b || !other.eq_ignore_ascii_case(name))
}

/// What of the values is compared, in a form in which equal means the same.
fn canonical(form: Form, values: &[&str], host: Option<&str>) -> Vec<String> {
    match form {
        Form::Ignored | Form::Presence | Form::Cookies => Vec::new(),
        Form::Exact => values.iter().map(|value| value.trim().to_owned()).collect(),
        Form::MediaType => values.iter().map(|value| media_type(value)).collect(),
        Form::List | Form::Directives => {
            let mut members: Vec<String> = values
                .iter()
                .flat_map(|value| value.split(','))
                .map(|member| member.trim().to_ascii_lowercase())
                .filter(|member| !member.is_empty() && member != "accept-encoding")
                .collect();
            members.sort_unstable();
            members.dedup();
            members
        }
        Form::Location => values
            .iter()
            .map(|value| without_own_origin(value.trim(), host).to_owned())
            .collect(),
        Form::Challenge => values.iter().map(|value| challenge(value)).collect(),
    }
}

fn media_type(value: &str) -> String {
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let mut parameters: Vec<String> = parts
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            // The only parameter whose value has no case in practice is also the one that is nearly always there.
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let name = name.trim().to_ascii_lowercase();
            let value = value.trim().trim_matches('"');
            if name == "charset" {
                format!("{name}={}", value.to_ascii_lowercase())
            } else {
                format!("{name}={value}")
            }
        })
        .collect();
    parameters.sort_unstable();
    parameters.insert(0, essence);
    parameters.join(";")
}

/// The reference without scheme and authority, where these are the server's own. A proxy that ends TLS makes the scheme
/// differ, so it is not looked at.
fn without_own_origin<'a>(reference: &'a str, host: Option<&str>) -> &'a str {
    let after_scheme = ["http://", "https://", "//"].into_iter().find_map(|start| {
        let head = reference.get(..start.len())?;
        head.eq_ignore_ascii_case(start)
            .then(|| &reference[start.len()..])
    });
    let (Some(rest), Some(host)) = (after_scheme, host) else {
        return reference;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !without_port(authority).eq_ignore_ascii_case(without_port(host)) {
        return reference;
    }
    if path.is_empty() { "/" } else { path }
}

/// The host of an authority; an IPv6 address keeps its brackets.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn challenge(value: &str) -> String {
    let value = value.trim();
    let (scheme, parameters) = value.split_once(' ').unwrap_or((value, ""));
    let mut parameters: Vec<&str> = parameters
        .split(',')
        .map(str::trim)
        .filter(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default().trim();
            !name.eq_ignore_ascii_case("nonce") && !name.eq_ignore_ascii_case("opaque")
        })
        .collect();
    parameters.sort_unstable();
    format!("{} {}", scheme.to_ascii_lowercase(), parameters.join(","))
}

/// What is compared of a Set-Cookie value.
#[derive(Debug)]
struct Cookie<'a> {
    name: &'a str,
    /// In lower case names, in order; without Expires and Max-Age.
    attributes: Vec<String>,
}

impl<'a> Cookie<'a> {
    fn read(value: &'a str) -> Self {
        let mut parts = value.split(';').map(str::trim);
        let pair = parts.next().unwrap_or_default();
        let mut attributes: Vec<String> = parts
            .filter_map(|attribute| {
                let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
                let name = name.trim().to_ascii_lowercase();
                let value = value.trim();
                match name.as_str() {
                    "" | "expires" | "max-age" => None,
                    "samesite" | "domain" => Some(format!("{name}={}", value.to_ascii_lowercase())),
                    _ if value.is_empty() => Some(name),
                    _ => Some(format!("{name}={value}")),
                }
            })
            .collect();
        attributes.sort_unstable();
        Self {
            name: pair.split('=').next().unwrap_or_default().trim(),
            attributes,
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}=…", self.name);
        for attribute in &self.attributes {
            text.push_str("; ");
            text.push_str(attribute);
        }
        text
    }
}

#[cfg(test)]
mod tests;
