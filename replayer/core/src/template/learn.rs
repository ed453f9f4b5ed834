//! Learning from requests: a tree of the paths of each host, and what of it are values.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use schema::Exchange;
use xxhash_rust::xxh3::Xxh3;

use super::{FixedTemplate, Node, Numbered, Templates, Values, is_word, numbered, with_id};
use crate::compare::{Json, parse_json, plain_body};
use crate::endpoint;

/// Different numbers behind the same letters at one place from which on they are values.
pub const NUMBERED_MIN: usize = 12;
/// Different words at one place from which on they may be values, if their answers are alike.
pub const ALIKE_MIN: usize = 12;
/// Different words at one place from which on they may be values, whatever is answered.
pub const SELDOM_MIN: usize = 100;
/// Different words at one place beyond which they are values, however often each was seen.
pub const WORDS_MAX: usize = 400;
/// How often a word may have been seen to count as seldom.
pub const SELDOM_MAX: u64 = 2;
/// A word that is in at least one of so many requests stays as it is.
const OFTEN: u64 = 20;
/// Words at one place that are told apart; if there are more they are all values.
const KEPT_MAX: usize = 20_000;
/// Places of all hosts that are remembered; if there are more nothing is learned.
const PLACES_MAX: usize = 200_000;
/// Levels of JSON that an answer's form is made of.
const FORM_LEVELS: usize = 3;
/// Bytes of a body whose form is looked at.
const FORM_BYTES_MAX: usize = 1 << 20;

/// Learns templates from requests, and, where it [asks for it](Self::needs_forms), from their answers.
#[derive(Debug, Default)]
pub struct TemplateLearner {
    hosts: BTreeMap<String, Place>,
    places: usize,
}

/// What followed one path.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Requests that came through here.
    requests: u64,
    /// Behind placeholders.
    keys: BTreeMap<Box<str>, Self>,
    /// Behind words.
    words: BTreeMap<Box<str>, Self>,
    /// Behind all words, where they were too many to tell apart, and how many they were then.
    merged: Option<Box<Self>>,
    /// What was answered to requests that end here or behind it, if it was always of one form.
    form: FormOf,
}

/// The form of the answers behind a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FormOf {
    #[default]
    Unknown,
    One(u64),
    Several,
}

impl TemplateLearner {
    /// Takes the path of a request.
    pub fn add(&mut self, exchange: &Exchange) {
        let Some((host, template)) = place_of(exchange) else {
            return;
        };
        if self.is_overfull() {
            return;
        }
        let mut place = self.hosts.entry(host).or_default();
        for segment in template[1..].split('/') {
            place = place.enter(segment, &mut self.places);
            place.requests += 1;
        }
    }

    /// Whether there are words of which only their answers tell what they are.
    #[must_use]
    pub fn needs_forms(&self) -> bool {
        !self.is_overfull() && self.hosts.values().any(Place::needs_forms)
    }

    /// Takes the answer of a request that was added before.
    pub fn add_form(&mut self, exchange: &Exchange) {
        let Some((host, template)) = place_of(exchange) else {
            return;
        };
        let mut place = self.hosts.get_mut(&host);
        let mut form = None;
        let method = exchange
            .request
            .as_ref()
            .map(|request| request.method.as_str());
        let segments: Vec<&str> = template[1..].split('/').collect();
        for (index, segment) in segments.iter().enumerate() {
            let Some(next) = place.and_then(|place| place.at(segment)) else {
                return;
            };
            // Only of seldom words: it is they that are asked about.
            if is_word(segment) && next.requests <= SELDOM_MAX {
                let form = *form.get_or_insert_with(|| form_of(exchange));
                let Some(form) = form else { return };
                let mut hash = Xxh3::new();
                hash.update(&form.to_le_bytes());
                hash.update(method.unwrap_or_default().as_bytes());
                hash.update(segments[index + 1..].join("/").as_bytes());
                next.form = next.form.with(FormOf::One(hash.digest()));
            }
            place = Some(next);
        }
    }

    /// What was learned, beside the fixed templates.
    #[must_use]
    pub fn finish(self, fixed: Vec<FixedTemplate>) -> Templates {
        let is_overfull = self.is_overfull();
        let hosts = if is_overfull {
            BTreeMap::new()
        } else {
            self.hosts
        };
        let learned = hosts
            .into_iter()
            .map(|(host, place)| (host, place.learned()));
        Templates {
            fixed,
            learned: learned.filter(|(_, node)| !node.is_empty()).collect(),
            is_overfull,
        }
    }

    fn is_overfull(&self) -> bool {
        self.places > PLACES_MAX
    }
}

impl Place {
    /// The place behind a segment.
    fn enter(&mut self, segment: &str, places: &mut usize) -> &mut Self {
        if !is_word(segment) {
            *places += usize::from(!self.keys.contains_key(segment));
            return self.keys.entry(segment.into()).or_default();
        }
        if self.merged.is_none() && !self.words.contains_key(segment) {
            *places += 1;
            self.words.insert(segment.into(), Self::default());
            self.merge_if_too_many();
        }
        match &mut self.merged {
            Some(merged) => merged,
            None => self.words.get_mut(segment).expect("it was put there"),
        }
    }

    fn at(&mut self, segment: &str) -> Option<&mut Self> {
        if !is_word(segment) {
            return self.keys.get_mut(segment);
        }
        match &mut self.merged {
            Some(merged) => Some(merged),
            None => self.words.get_mut(segment),
        }
    }

    fn merge_if_too_many(&mut self) {
        if self.words.len() > KEPT_MAX {
            let words = std::mem::take(&mut self.words);
            let merged = self.merged.get_or_insert_default();
            words.into_values().for_each(|place| merged.absorb(place));
        }
    }

    fn absorb(&mut self, other: Self) {
        self.requests += other.requests;
        self.form = self.form.with(other.form);
        for (segment, place) in other.keys {
            self.keys.entry(segment).or_default().absorb(place);
        }
        for (word, place) in other.words {
            match &mut self.merged {
                Some(merged) => merged.absorb(place),
                None => self.words.entry(word).or_default().absorb(place),
            }
        }
        if let Some(other) = other.merged {
            let words = std::mem::take(&mut self.words);
            let merged = self.merged.get_or_insert_default();
            words.into_values().for_each(|place| merged.absorb(place));
            merged.absorb(*other);
        }
        self.merge_if_too_many();
    }

    fn needs_forms(&self) -> bool {
        let seldom = self.seldom();
        let is_asked = (ALIKE_MIN..SELDOM_MIN).contains(&seldom.words) && seldom.are_seldom();
        let below = self.keys.values().chain(self.words.values());
        is_asked || below.chain(self.merged.as_deref()).any(Self::needs_forms)
    }

    /// The words that may be values: all but those that are in many requests.
    fn seldom(&self) -> Seldom {
        let requests: u64 = self.words.values().map(|place| place.requests).sum();
        let mut seldom = Seldom {
            often: requests.div_ceil(OFTEN).max(SELDOM_MAX + 1),
            ..Seldom::default()
        };
        let mut forms: FxHashMap<u64, usize> = FxHashMap::default();
        for place in self
            .words
            .values()
            .filter(|place| place.requests < seldom.often)
        {
            seldom.words += 1;
            seldom.seldom += usize::from(place.requests <= SELDOM_MAX);
            if let FormOf::One(form) = place.form {
                *forms.entry(form).or_default() += 1;
            }
        }
        seldom.alike = forms.into_values().max().unwrap_or(0);
        seldom
    }

    /// Takes words that differ by a number for keys, if they are many.
    fn take_numbered(&mut self) -> BTreeMap<Box<str>, Numbered> {
        let mut found: BTreeMap<Box<str>, usize> = BTreeMap::new();
        for letters in self.words.keys().filter_map(|word| numbered(word)) {
            *found.entry(letters.into()).or_default() += 1;
        }
        found.retain(|_, numbers| *numbers >= NUMBERED_MIN);
        let is_taken =
            |word: &str| numbered(word).is_some_and(|letters| found.contains_key(letters));
        let words = std::mem::take(&mut self.words);
        let (taken, words) = words.into_iter().partition(|(word, _)| is_taken(word));
        self.words = words;
        let taken: BTreeMap<Box<str>, Self> = taken;
        let mut all: BTreeMap<Box<str>, Numbered> = BTreeMap::new();
        for (word, place) in taken {
            let letters = numbered(&word).expect("it was taken for its number");
            let numbered = all.entry(letters.into()).or_default();
            numbered.values += 1;
            numbered.requests += place.requests;
            let key = self.keys.entry(with_id(letters).into()).or_default();
            key.absorb(place);
        }
        all
    }

    fn learned(mut self) -> Node {
        let mut node = Node {
            numbered: self.take_numbered(),
            ..Node::default()
        };
        let seldom = self.seldom();
        let mut values = Values::default();
        let mut behind = Self::default();
        if let Some(merged) = self.merged.take() {
            values.values = KEPT_MAX as u64;
            behind = *merged;
        } else if seldom.are_values() {
            values.values = seldom.words as u64;
            for (word, place) in std::mem::take(&mut self.words) {
                if place.requests < seldom.often {
                    behind.absorb(place);
                } else {
                    values.words.push(word.clone());
                    self.words.insert(word, place);
                }
            }
        }
        if values.values > 0 {
            values.requests = behind.requests;
            values.node = behind.learned();
            node.values = Some(Box::new(values));
        }
        for (segment, place) in self.keys.into_iter().chain(self.words) {
            let below = place.learned();
            if !below.is_empty() {
                node.next.insert(segment, below);
            }
        }
        node
    }
}

/// What is known of the words at one place that are not in many requests.
#[derive(Clone, Copy, Debug, Default)]
struct Seldom {
    /// Requests from which on a word is in many.
    often: u64,
    words: usize,
    /// Those seen at most [`SELDOM_MAX`] times.
    seldom: usize,
    /// Those answered in the form that most are answered in.
    alike: usize,
}

impl Seldom {
    fn are_seldom(self) -> bool {
        self.seldom * 10 >= self.words * 9
    }

    fn are_values(self) -> bool {
        let are_alike = self.words >= ALIKE_MIN && self.alike * 10 >= self.words * 9;
        self.words > WORDS_MAX || (self.are_seldom() && (are_alike || self.words >= SELDOM_MIN))
    }
}

impl FormOf {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, form) | (form, Self::Unknown) => form,
            (Self::One(a), Self::One(b)) if a == b => self,
            _ => Self::Several,
        }
    }
}

/// Host and template of a request with a path.
fn place_of(exchange: &Exchange) -> Option<(String, String)> {
    let request = exchange.request.as_ref()?;
    let template = endpoint::template(&request.path);
    let host = request.host.as_deref().unwrap_or("-").to_ascii_lowercase();
    template.starts_with('/').then_some((host, template))
}

/// The form of a good answer in JSON; `None` for others.
fn form_of(exchange: &Exchange) -> Option<u64> {
    let response = exchange.response.as_ref()?;
    if !(200..300).contains(&response.status) || response.body.bytes.is_empty() {
        return None;
    }
    let body = plain_body(response, FORM_BYTES_MAX).ok()?;
    let json = parse_json(&body, 64).ok()?;
    if !matches!(json, Json::Object(_) | Json::Array(_)) {
        return None;
    }
    let mut names = Vec::new();
    write_form(&json, "", FORM_LEVELS, &mut names);
    names.sort_unstable();
    names.dedup();
    let mut hash = Xxh3::new();
    for name in names {
        hash.update(name.as_bytes());
        hash.update(&[0]);
    }
    Some(hash.digest())
}

/// The paths of all members, down to a level; elements of an array together.
fn write_form(json: &Json<'_>, path: &str, levels: usize, names: &mut Vec<String>) {
    match json {
        _ if levels == 0 => {}
        Json::Object(members) => {
            for (name, value) in members {
                let path = format!("{path}.{name}");
                write_form(value, &path, levels - 1, names);
                names.push(path);
            }
        }
        Json::Array(elements) => {
            for element in elements {
                write_form(element, path, levels, names);
            }
        }
        _ => {}
    }
}
