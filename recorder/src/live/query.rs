//! What a subscriber asks for: the query of its request.

use std::fmt::Display;
use std::str::FromStr;

use schema::filter::Filter;
use schema::live::{
    AFTER_PARAMETER, COLUMNS_PARAMETER, Columns, FROM_NOW, FROM_OLDEST, FROM_PARAMETER,
};
use schema::{Pattern, Sample, SampleBy};
use url::form_urlencoded;

use super::feed::Start;

/// A request that can be served.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) columns: Columns,
    pub(super) start: Start,
    pub(super) filter: Filter,
}

/// A parameter that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {problem}")]
pub(super) struct QueryError {
    parameter: String,
    problem: String,
}

impl Query {
    /// Reads what follows `?`, if anything does.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, QueryError> {
        let mut query = Self {
            columns: Columns::default(),
            start: Start::Now,
            filter: Filter::default(),
        };
        let (mut from, mut after, mut share) = (None, None, None);
        let mut by = SampleBy::Connection;
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            let (name, value) = (&*name, &*value);
            let filter = &mut query.filter;
            match name {
                COLUMNS_PARAMETER => query.columns = read(name, value)?,
                AFTER_PARAMETER => after = Some(read(name, value)?),
                FROM_PARAMETER => from = Some(begin(value)?),
                "method" => filter.methods.push(value.to_owned()),
                "host" => filter.hosts.push(checked(name, Pattern::host(value))?),
                "path" => filter.paths.push(checked(name, Pattern::path(value))?),
                "exclude-path" => {
                    let pattern = checked(name, Pattern::path(value))?;
                    filter.excluded_paths.push(pattern);
                }
                "status" => filter.statuses.push(read(name, value)?),
                "header" => filter.headers.push(read(name, value)?),
                "sample" => share = Some(checked(name, schema::parse_share(value))?),
                "sample-by" => by = read(name, value)?,
                _ => {
                    let known = "there are columns, after, from, method, host, path, exclude-path, status, header, sample \
                                 and sample-by";
                    return Err(problem(name, known));
                }
            }
        }
        query.filter.sample = share.map(|share| Sample { share, by });
        query.start = match (after, from) {
            (Some(_), Some(_)) => {
                return Err(problem(FROM_PARAMETER, "give it or `after`, not both"));
            }
            (Some(position), None) => Start::After(position),
            (None, from) => from.unwrap_or(Start::Now),
        };
        Ok(query)
    }
}

fn begin(value: &str) -> Result<Start, QueryError> {
    match value {
        FROM_NOW => Ok(Start::Now),
        FROM_OLDEST => Ok(Start::Oldest),
        _ => Err(problem(FROM_PARAMETER, "it is `now` or `oldest`")),
    }
}

fn read<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, QueryError> {
    checked(name, value.parse())
}

fn checked<T, E: Display>(name: &str, parsed: Result<T, E>) -> Result<T, QueryError> {
    parsed.map_err(|error| problem(name, &error.to_string()))
}

fn problem(parameter: &str, problem: &str) -> QueryError {
    QueryError {
        parameter: parameter.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests;
