//! The rules: as they are typed, and as they are looked up.
//!
//! ```text
//! RULE     = SELECTOR [ "=" ACTION ]                     without an action: mask
//! SELECTOR = "header:" NAME | "cookie:" NAME | "query:" NAME | "form:" NAME | "json:" POINTER | "path:" PATTERN
//!          | "body:" MEDIA-TYPE | "userinfo" | "preset:credentials"
//! ACTION   = "drop" | "mask" | "pseudonymise" [ ":" SHAPE ]
//! SHAPE    = "token" | "digits" | "email" | "uuid" | "card" | "auto"
//! ```
//!
//! Where several rules name one value, the first does its work.

use schema::Pattern;

use super::pseudonym::Shape;

/// Fields that say where a message ends, what it is and where it goes: without them nothing can be replayed.
const KEPT_HEADERS: [&str; 10] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "trailer",
    "te",
    "upgrade",
    "expect",
];
/// Most parts of a pointer or a path pattern: positions fit a word of 64 bits.
const PARTS_MAX: usize = 60;

/// Header fields that carry credentials.
const CREDENTIAL_HEADERS: &str = "{authorization,proxy-authorization,x-api-key,api-key,apikey,x-auth-token,\
x-access-token,x-csrf-token,x-xsrf-token,x-amz-security-token,x-session-id,x-authorization}";
/// Names of query, form and JSON fields that carry credentials.
const CREDENTIAL_FIELDS: &str = "{*password*,*passwd*,*passphrase*,pwd,pass,*secret*,*token*,*credential*,api_key,\
apikey,api-key,access_key,accesskey,private_key,privatekey,authorization,session_id,sessionid,session-id,jsessionid,\
phpsessid,sid,pin,otp,cvv,cvc}";

/// What is done to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It is taken out with its name.
    Drop,
    /// It is replaced by what says nothing.
    Mask,
    /// It is replaced by its pseudonym.
    Pseudonymise(Shape),
}

/// A rule's number and what it does.
pub(super) type Found = (usize, Action);

/// A part of a pointer or a path.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// One name.
    One(Pattern),
    /// Any number of names.
    Any,
    /// One name of a path, which is what is marked.
    Marked,
}

/// The rules by the place that they mark.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    headers: Vec<(Pattern, Found)>,
    cookies: Vec<(Pattern, Found)>,
    queries: Vec<(Pattern, Found)>,
    forms: Vec<(Pattern, Found)>,
    bodies: Vec<(Pattern, Found)>,
    pub(super) json: Vec<(Vec<Part>, Found)>,
    pub(super) paths: Vec<(Vec<Part>, Found)>,
    pub(super) userinfo: Option<Found>,
}

/// A text that is no rule: which part of it, and what is right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{rule}`: {problem}")]
pub struct ParseRuleError {
    rule: String,
    problem: String,
}

impl Lookup {
    /// Reads the rule with this number.
    pub(super) fn add(&mut self, index: usize, rule: &str) -> Result<Action, ParseRuleError> {
        let rule = rule.trim();
        self.try_add(index, rule).map_err(|problem| ParseRuleError {
            rule: rule.to_owned(),
            problem,
        })
    }

    fn try_add(&mut self, index: usize, rule: &str) -> Result<Action, String> {
        let (selector, action) = match rule.rsplit_once('=') {
            Some((selector, action)) => (selector, parse_action(action)?),
            None => (rule, Action::Mask),
        };
        let found = (index, action);
        let (place, name) = selector.split_once(':').unwrap_or((selector, ""));
        if name.is_empty() && place != "userinfo" {
            return Err(
                "write PLACE:NAME, where the place is header, cookie, query, form, json, path, body or preset".into(),
            );
        }
        match place {
            "header" if KEPT_HEADERS.contains(&name.to_ascii_lowercase().as_str()) => {
                return Err(format!(
                    "`{name}` says where a message ends, what it is or where it goes, and is kept"
                ));
            }
            "header" => self.headers.push((pattern(name)?, found)),
            "cookie" => self.cookies.push((pattern(name)?, found)),
            "query" => self.queries.push((pattern(name)?, found)),
            "form" => self.forms.push((pattern(name)?, found)),
            "body" => self.bodies.push((pattern(name)?, found)),
            "json" => self.json.push((pointer(name)?, found)),
            "path" if action == Action::Drop => {
                return Err("a segment of a path is masked or pseudonymised, not dropped".into());
            }
            "path" => self.paths.push((path(name)?, found)),
            "userinfo" => self.userinfo = self.userinfo.or(Some(found)),
            "preset" if name == "credentials" => self.add_credentials(found)?,
            "preset" => return Err("the one preset is preset:credentials".into()),
            _ => {
                return Err(format!(
                    "`{place}` is no place; write header, cookie, query, form, json, path, body, userinfo or preset"
                ));
            }
        }
        Ok(action)
    }

    fn add_credentials(&mut self, found: Found) -> Result<(), String> {
        let fields = pattern(CREDENTIAL_FIELDS)?;
        self.headers.push((pattern(CREDENTIAL_HEADERS)?, found));
        self.cookies.push((pattern("*")?, found));
        self.queries.push((fields.clone(), found));
        self.forms.push((fields.clone(), found));
        self.json.push((vec![Part::Any, Part::One(fields)], found));
        self.userinfo = self.userinfo.or(Some(found));
        Ok(())
    }

    /// The rule for a header field; none for those that are kept.
    pub(super) fn header(&self, name: &str) -> Option<Found> {
        let kept = || {
            KEPT_HEADERS
                .iter()
                .any(|kept| name.eq_ignore_ascii_case(kept))
        };
        find(&self.headers, name).filter(|_| !kept())
    }

    pub(super) fn cookie(&self, name: &str) -> Option<Found> {
        find(&self.cookies, name)
    }

    pub(super) fn query(&self, name: &str) -> Option<Found> {
        find(&self.queries, name)
    }

    pub(super) fn form(&self, name: &str) -> Option<Found> {
        find(&self.forms, name)
    }

    /// The rule for whole bodies of a media type.
    pub(super) fn body(&self, media_type: &str) -> Option<Found> {
        find(&self.bodies, media_type)
    }

    pub(super) fn has_forms(&self) -> bool {
        !self.forms.is_empty()
    }

    /// Whether there is a rule that URLs are looked at for.
    pub(super) fn has_urls(&self) -> bool {
        !self.queries.is_empty() || !self.paths.is_empty() || self.userinfo.is_some()
    }
}

fn find(rules: &[(Pattern, Found)], name: &str) -> Option<Found> {
    rules
        .iter()
        .find(|(pattern, _)| pattern.matches(name))
        .map(|&(_, found)| found)
}

fn parse_action(text: &str) -> Result<Action, String> {
    let (action, shape) = text.split_once(':').unwrap_or((text, "token"));
    let shape = match shape {
        "token" => Shape::Token,
        "digits" => Shape::Digits,
        "email" => Shape::Email,
        "uuid" => Shape::Uuid,
        "card" => Shape::Card,
        "auto" => Shape::Auto,
        _ => {
            return Err(format!(
                "`{shape}` is no shape; write token, digits, email, uuid, card or auto"
            ));
        }
    };
    match action {
        "drop" if text == action => Ok(Action::Drop),
        "mask" if text == action => Ok(Action::Mask),
        "pseudonymise" | "pseudonymize" => Ok(Action::Pseudonymise(shape)),
        _ => Err(format!(
            "`{text}` is no action; write drop, mask or pseudonymise, the last also with a shape such as :digits"
        )),
    }
}

/// A name in any case; brackets are themselves, because names of fields hold them.
fn pattern(glob: &str) -> Result<Pattern, String> {
    let glob: String = glob
        .chars()
        .map(|c| match c {
            '[' => "[[]".to_owned(),
            ']' => "[]]".to_owned(),
            _ => c.to_string(),
        })
        .collect();
    Pattern::host(&glob).map_err(|error| error.to_string())
}

/// A JSON pointer (RFC 6901) whose parts may be globs, and `**` for any number of parts.
fn pointer(text: &str) -> Result<Vec<Part>, String> {
    let parts = text
        .strip_prefix('/')
        .ok_or("a pointer begins with /, such as /customer/email or /**/email")?
        .split('/')
        .map(|part| match part {
            "**" => Ok(Part::Any),
            _ => pattern(&part.replace("~1", "/").replace("~0", "~")).map(Part::One),
        });
    bounded(parts.collect::<Result<_, String>>()?)
}

/// A path whose marked segments are `{}`.
fn path(text: &str) -> Result<Vec<Part>, String> {
    let parts = text
        .strip_prefix('/')
        .ok_or("a path begins with /, such as /customers/{}/orders/**")?
        .split('/')
        .map(|part| match part {
            "**" => Ok(Part::Any),
            "{}" => Ok(Part::Marked),
            _ => pattern(part).map(Part::One),
        });
    let parts = bounded(parts.collect::<Result<_, String>>()?)?;
    if parts.iter().any(|part| matches!(part, Part::Marked)) {
        Ok(parts)
    } else {
        Err("write {} for each segment that is marked, such as /customers/{}".into())
    }
}

fn bounded(parts: Vec<Part>) -> Result<Vec<Part>, String> {
    if parts.len() > PARTS_MAX {
        return Err(format!("it has more than {PARTS_MAX} parts"));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
