//! One filter: conditions on an exchange, all of which have to hold.
//!
//! ```text
//! FILTER    = CONDITION *( blanks CONDITION )
//! CONDITION = FIELD ( "=" | "!=" ) VALUE *( "," VALUE )
//! FIELD     = "host" | "path" | "method" | "status"
//! ```
//!
//! `=` holds if one of its values fits, `!=` if none does. An exchange that lacks the field (the status where no response
//! was seen) fits no value. A comma inside of `{}` or `[]` belongs to a glob.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use schema::{Exchange, ParsePatternError, Pattern, StatusRange};

/// Conditions on an exchange, all of which have to hold.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    conditions: Vec<Condition>,
}

/// One condition.
#[derive(Clone, Debug)]
struct Condition {
    /// Whether it holds if no value fits.
    negated: bool,
    values: Vec<Value>,
}

/// A field with a value that it may have.
#[derive(Clone, Debug)]
enum Value {
    Host(Pattern),
    Path(Pattern),
    Method(String),
    Status(StatusRange),
}

impl Filter {
    /// Whether every condition holds.
    #[must_use]
    pub fn passes(&self, exchange: &Exchange) -> bool {
        let holds = |condition: &Condition| {
            let fits = condition.values.iter().any(|value| value.fits(exchange));
            fits != condition.negated
        };
        self.conditions.iter().all(holds)
    }
}

impl Value {
    fn fits(&self, exchange: &Exchange) -> bool {
        let request = exchange.request.as_ref();
        let response = exchange.response.as_ref();
        match self {
            Self::Host(pattern) => request
                .and_then(|request| request.host.as_deref())
                .is_some_and(|host| pattern.matches(host)),
            Self::Path(pattern) => request.is_some_and(|request| pattern.matches(&request.path)),
            Self::Method(method) => {
                request.is_some_and(|request| request.method.eq_ignore_ascii_case(method))
            }
            Self::Status(range) => response.is_some_and(|response| range.contains(response.status)),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Text that is no filter, and the place in it where that shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFilterError {
    text: String,
    at: Range<usize>,
    problem: String,
}

impl fmt::Display for ParseFilterError {
    /// What is wrong, and below it the filter with the place marked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, at, problem } = self;
        let width = |text: &str| text.chars().count();
        let (before, marked) = (width(&text[..at.start]), width(&text[at.clone()]).max(1));
        let marks = "^".repeat(marked);
        write!(f, "{problem}\n  {text}\n  {:before$}{marks}", "")
    }
}

impl std::error::Error for ParseFilterError {}

impl FromStr for Filter {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let conditions = words(text)
            .map(|word| condition(text, word))
            .collect::<Result<Vec<_>, _>>()?;
        if conditions.is_empty() {
            return Err(ParseFilterError {
                text: text.to_owned(),
                at: 0..text.len(),
                problem: "the filter is empty; write a condition such as path=/health".to_owned(),
            });
        }
        let words: Vec<_> = text.split_whitespace().collect();
        let text = words.join(" ");
        Ok(Self { text, conditions })
    }
}

/// Reads the condition at `word` of `text`.
fn condition(text: &str, word: Range<usize>) -> Result<Condition, ParseFilterError> {
    let problem = |at: Range<usize>, problem: String| ParseFilterError {
        text: text.to_owned(),
        at,
        problem,
    };
    let inside = &text[word.clone()];
    let Some(equals) = inside.find('=') else {
        let why = format!("`{inside}` is no condition; write FIELD=VALUE such as path=/health");
        return Err(problem(word, why));
    };
    let negated = inside[..equals].ends_with('!');
    let field = word.start..word.start + equals - usize::from(negated);
    let values = pieces(text, word.start + equals + 1..word.end)
        .into_iter()
        .map(|at| {
            if at.is_empty() {
                let why = format!("a value for `{}` is missing", &text[field.clone()]);
                return Err(problem(at, why));
            }
            let parsed = match &text[field.clone()] {
                "host" => Pattern::host(&text[at.clone()]).map(Value::Host),
                "path" => path(&text[at.clone()]).map(Value::Path),
                "method" => Ok(Value::Method(text[at.clone()].to_owned())),
                "status" => text[at.clone()].parse().map(Value::Status),
                other => {
                    let why = format!("`{other}` is no field; write host, path, method or status");
                    return Err(problem(field.clone(), why));
                }
            };
            parsed.map_err(|error| problem(at, error.to_string()))
        });
    let values = values.collect::<Result<_, _>>()?;
    Ok(Condition { negated, values })
}

/// A glob for paths; one that no path can match is a mistake.
fn path(glob: &str) -> Result<Pattern, ParsePatternError> {
    if !glob.starts_with(['/', '*', '{', '[', '?']) {
        let expected = "a path, which begins with /, such as /api/**";
        return Err(ParsePatternError::new(glob, expected));
    }
    Pattern::path(glob)
}

/// Where the words of `text` are.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let start = |word: &str| word.as_ptr().addr() - text.as_ptr().addr();
    text.split_whitespace()
        .map(move |word| start(word)..start(word) + word.len())
}

/// Where the parts of `text[at]` between commas are, commas in brackets left alone.
fn pieces(text: &str, at: Range<usize>) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut depth) = (at.start, 0_usize);
    for (index, byte) in text[at.clone()].bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                pieces.push(start..at.start + index);
                start = at.start + index + 1;
            }
            _ => {}
        }
    }
    pieces.push(start..at.end);
    pieces
}
