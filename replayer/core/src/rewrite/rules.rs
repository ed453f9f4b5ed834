//! Rules that change requests: one by one in their order, each counted.
//!
//! ```text
//! RULE = "set" FIELD "=" VALUE | "add" FIELD "=" VALUE | "remove" FIELD
//!      | "host" [ GLOB "=" ] NAME | "prefix" PREFIX "=" PREFIX
//! ```
//! `set` gives every such field the value, and adds it where there is none; `add` adds one more; `remove` takes all out. `prefix`
//! replaces the beginning of the path, up to a slash or the end. A value for JSON is JSON if it can be read so, and text
//! otherwise.

use std::str::FromStr;
use std::sync::Arc;

use schema::run::{AppliedRewrite, ReasonCount, RunRewriting};
use schema::{Exchange, Headers, Pattern, Request};
use serde_json::Value;

use super::body::BodyError;
use super::field::{Field, Verdict, text_of};
use super::jwt::{JwtKey, tokens};
use super::shift::{Shift, Shifted, Which};

/// Tokens signed anew that are kept, so that each is signed once. At the bound all are forgotten and signed again.
const RESIGNED_MAX: usize = 4_096;

/// A rule, for some requests.
#[derive(Clone, Debug)]
pub struct RewriteRule {
    /// As it is told: what was typed, or file and line.
    pub name: String,
    /// Which requests.
    pub when: When,
    /// What it does.
    pub action: Action,
}

/// Which requests. Conditions that are empty hold.
#[derive(Clone, Debug, Default)]
pub struct When {
    /// Methods, in any case.
    pub methods: Vec<String>,
    /// The recorded host.
    pub host: Option<Pattern>,
    /// The recorded path.
    pub path: Option<Pattern>,
}

/// What a rule does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Every such field gets the value; where there is none it is added.
    Set(Field, Value),
    /// One more field.
    Add(Field, Value),
    /// Every such field is taken out.
    Remove(Field),
    /// Requests for hosts that match go out with another Host.
    Host {
        /// Which hosts; all if there is none.
        from: Option<Pattern>,
        /// The new one.
        to: String,
    },
    /// The beginning of the path becomes another one.
    Path {
        /// The beginning, without a slash at the end.
        from: String,
        /// What takes its place, likewise.
        to: String,
    },
    /// Times move from the recorded window to the replay.
    ShiftTime(Field, Which),
    /// The recorded `Authorization` becomes this.
    Authorization(Secret),
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseRewriteError(String);

impl FromStr for RewriteRule {
    type Err = ParseRewriteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let action = parse(text.trim()).map_err(ParseRewriteError)?;
        Ok(Self {
            name: text.trim().to_owned(),
            when: When::default(),
            action,
        })
    }
}

fn parse(text: &str) -> Result<Action, String> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim_start();
    let field = |text: &str| text.parse::<Field>().map_err(|error| error.to_string());
    let assignment = || {
        let (name, value) = rest
            .split_once('=')
            .ok_or_else(|| format!("`{verb}` wants FIELD=VALUE"))?;
        let field = field(name)?;
        let value = field.value(value);
        Ok::<_, String>((field, value))
    };
    match verb {
        "set" => assignment().map(|(field, value)| Action::Set(field, value)),
        "add" => {
            let (field, value) = assignment()?;
            check_literal(&field)?;
            Ok(Action::Add(field, value))
        }
        "remove" => field(rest).map(Action::Remove),
        "host" => {
            let (from, to) = match rest.split_once('=') {
                Some((from, to)) => (Some(from), to),
                None => (None, rest),
            };
            host(from, to)
        }
        "prefix" => {
            let (from, to) = rest
                .split_once('=')
                .ok_or("`prefix` wants PREFIX=PREFIX, such as /v1=/v2")?;
            path(from, to)
        }
        _ => Err(format!(
            "`{verb}` is nothing that can be done; write set, add, remove, host or prefix"
        )),
    }
}

/// Whether a field can be added: one that is no glob.
///
/// # Errors
/// If it is one.
pub(super) fn check_literal(field: &Field) -> Result<(), String> {
    match field.literal() {
        Some(_) => Ok(()),
        None => Err(format!("`{field}` is a glob, and only a name can be added")),
    }
}

/// A rule for hosts.
///
/// # Errors
/// If `from` is no glob or `to` no host.
pub(super) fn host(from: Option<&str>, to: &str) -> Result<Action, String> {
    let from = from.map(Pattern::host).transpose();
    let from = from.map_err(|error| error.to_string())?;
    if to.is_empty() || to.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err(format!("`{to}` is no host"));
    }
    Ok(Action::Host {
        from,
        to: to.to_owned(),
    })
}

/// A rule for paths.
///
/// # Errors
/// If one of both is no beginning of a path.
pub(super) fn path(from: &str, to: &str) -> Result<Action, String> {
    for prefix in [from, to] {
        if !prefix.starts_with('/') {
            return Err(format!("`{prefix}` is no beginning of a path, such as /v1"));
        }
    }
    let prefix = |text: &str| text.trim_end_matches('/').to_owned();
    Ok(Action::Path {
        from: prefix(from),
        to: prefix(to),
    })
}

/// Rules at work, with what they did.
#[derive(Clone, Debug, Default)]
pub struct Rewriting {
    rules: Vec<(RewriteRule, Counts)>,
    jwt: Option<(Arc<JwtKey>, Counts)>,
    /// Recorded tokens and what they became.
    resigned: rustc_hash::FxHashMap<String, Option<String>>,
    /// The shift that these were signed for, in seconds.
    resigned_for: i64,
}

/// What a rule did.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u64,
    outside_window: u64,
    no_time: u64,
    unreadable: u64,
}

/// A recorded token and the one that goes out in its place, unless an answer gave another.
pub type Resigned = (String, String);

impl Rewriting {
    /// Rules, and the key that JWTs are signed with.
    #[must_use]
    pub fn new(rules: Vec<RewriteRule>, jwt: Option<JwtKey>) -> Self {
        let counted = |rule| (rule, Counts::default());
        Self {
            rules: rules.into_iter().map(counted).collect(),
            jwt: jwt.map(|key| (Arc::new(key), Counts::default())),
            ..Self::default()
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.jwt.is_none()
    }

    /// Changes `request`, made from `recorded`, whose target has `path_prefix` before the recorded path.
    pub fn apply(
        &mut self,
        request: &mut Request,
        recorded: &Exchange,
        path_prefix: &str,
        shift: &Shift,
    ) -> Vec<Resigned> {
        let Some(original) = &recorded.request else {
            return Vec::new();
        };
        for (rule, counts) in &mut self.rules {
            if !rule.when.holds(original) {
                continue;
            }
            match rule.action.apply(request, path_prefix, shift, counts) {
                Ok(changed) => counts.requests += u64::from(changed),
                Err(_) => counts.unreadable += 1,
            }
        }
        self.resign(request, shift)
    }

    fn resign(&mut self, request: &Request, shift: &Shift) -> Vec<Resigned> {
        let Some((key, counts)) = &mut self.jwt else {
            return Vec::new();
        };
        let seconds = shift.by.num_seconds();
        if self.resigned.len() >= RESIGNED_MAX || self.resigned_for != seconds {
            self.resigned.clear();
            self.resigned_for = seconds;
        }
        let body = super::body::plain(request, 1 << 20).unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        let fields = request.headers.iter().map(|(_, value)| value);
        let texts = fields.chain(request.query.as_deref()).chain([&*body]);
        let mut resigned: Vec<Resigned> = Vec::new();
        for token in texts.flat_map(tokens) {
            if resigned.iter().any(|(old, _)| old == token) {
                continue;
            }
            let new = match self.resigned.get(token) {
                Some(new) => new.clone(),
                None => {
                    let new = key.resign(token, seconds);
                    self.resigned.insert(token.to_owned(), new.clone());
                    new
                }
            };
            resigned.extend(new.map(|new| (token.to_owned(), new)));
        }
        counts.requests += u64::from(!resigned.is_empty());
        resigned
    }

    /// What was done, for the run's document; `None` where there was nothing to do.
    #[must_use]
    pub fn report(&self) -> Option<RunRewriting> {
        if self.is_empty() {
            return None;
        }
        let jwt = self.jwt.as_ref();
        let jwt =
            jwt.map(|(key, counts)| counts.report(format!("--jwt-key ({})", key.algorithm())));
        let rules = self.rules.iter();
        let rules = rules.map(|(rule, counts)| counts.report(rule.name.clone()));
        Some(RunRewriting {
            rules: rules.chain(jwt).collect(),
        })
    }
}

impl Counts {
    fn report(&self, rule: String) -> AppliedRewrite {
        let left = [
            ("outside_window", self.outside_window),
            ("no_time", self.no_time),
            ("body_unreadable", self.unreadable),
        ];
        let left = left.into_iter().filter(|(_, count)| *count > 0);
        AppliedRewrite {
            rule,
            requests: self.requests,
            left_as_recorded: left
                .map(|(reason, count)| ReasonCount {
                    reason: reason.to_owned(),
                    count,
                })
                .collect(),
        }
    }
}

impl When {
    fn holds(&self, request: &Request) -> bool {
        let host = request.host.as_deref();
        let is_method = |method: &String| method.eq_ignore_ascii_case(&request.method);
        let is_host = |pattern: &Pattern| host.is_some_and(|host| pattern.matches(host));
        (self.methods.is_empty() || self.methods.iter().any(is_method))
            && self.host.as_ref().is_none_or(is_host)
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| pattern.matches(&request.path))
    }
}

impl Action {
    /// Whether anything changed.
    fn apply(
        &self,
        request: &mut Request,
        path_prefix: &str,
        shift: &Shift,
        counts: &mut Counts,
    ) -> Result<bool, BodyError> {
        match self {
            Self::Set(field, value) => {
                let found = field.each(request, &mut |_| Verdict::Set(value.clone()))?;
                Ok(found > 0 || field.add(request, value)?)
            }
            Self::Add(field, value) => field.add(request, value),
            Self::Remove(field) => Ok(field.each(request, &mut |_| Verdict::Remove)? > 0),
            Self::Host { from, to } => Ok(set_host(request, from.as_ref(), to)),
            Self::Path { from, to } => Ok(set_path(request, path_prefix, from, to)),
            Self::ShiftTime(field, which) => {
                let mut shifted = false;
                field.each(
                    request,
                    &mut |old| match shift.apply(&text_of(old), *which) {
                        Shifted::To(new) => {
                            shifted = true;
                            Verdict::Set(like(old, new))
                        }
                        Shifted::Outside => {
                            counts.outside_window += 1;
                            Verdict::Keep
                        }
                        Shifted::NoTime => {
                            counts.no_time += 1;
                            Verdict::Keep
                        }
                    },
                )?;
                Ok(shifted)
            }
            Self::Authorization(secret) => Ok(set_header(request, "authorization", &secret.0)),
        }
    }
}

/// A number stays one.
fn like(old: &Value, new: String) -> Value {
    match (old, serde_json::from_str::<serde_json::Number>(&new)) {
        (Value::Number(_), Ok(number)) => Value::Number(number),
        _ => Value::String(new),
    }
}

fn set_host(request: &mut Request, from: Option<&Pattern>, to: &str) -> bool {
    let host = request.host.as_deref().unwrap_or_default();
    if from.is_some_and(|from| !from.matches(host)) {
        return false;
    }
    request.host = Some(to.to_owned());
    if !set_header(request, "host", to) {
        request.headers.push("Host", to);
    }
    true
}

fn set_path(request: &mut Request, before: &str, from: &str, to: &str) -> bool {
    let path = request.path.strip_prefix(before);
    let Some(rest) = path.and_then(|path| path.strip_prefix(from)) else {
        return false;
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return false;
    }
    let slash = if rest.is_empty() && to.is_empty() {
        "/"
    } else {
        ""
    };
    request.path = format!("{before}{to}{rest}{slash}");
    true
}

/// Gives each field called `name` another value; whether there is one.
fn set_header(request: &mut Request, name: &str, value: &str) -> bool {
    let mut found = false;
    let old = &request.headers;
    let mut new = Headers::with_capacity(old.len(), old.memory() + value.len());
    for (field, old) in old.iter() {
        let is = field.eq_ignore_ascii_case(name);
        found |= is;
        new.push(field, if is { value } else { old });
    }
    if found {
        request.headers = new;
    }
    found
}

/// Puts tokens that were signed anew in the place of recorded ones that are there still.
pub fn put_resigned(request: &mut Request, resigned: &[Resigned]) {
    for (old, new) in resigned {
        let replaced = |text: &str| text.replace(old.as_str(), new);
        if request
            .headers
            .iter()
            .any(|(_, value)| value.contains(old.as_str()))
        {
            let fields = request.headers.iter();
            let fields: Vec<(String, String)> = fields
                .map(|(name, value)| (name.to_owned(), replaced(value)))
                .collect();
            request.headers = fields
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
        }
        if let Some(query) = &mut request.query {
            *query = replaced(query);
        }
        let body = super::body::plain(request, 1 << 20).unwrap_or_default();
        if memchr::memmem::find(&body, old.as_bytes()).is_none() {
            continue;
        }
        let body = String::from_utf8_lossy(&body);
        let body = replaced(&body).into_bytes();
        // A body that decoded can be encoded.
        let _encoded = super::body::replace(request, body);
    }
}

#[cfg(test)]
mod tests;
