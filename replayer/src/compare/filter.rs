//! The filters of a run, read back from how they were typed.

use clap::Parser;
use replayer_core::filter::Filter;

use crate::cli::{FilterArgs, WindowArgs};
use crate::config;

/// The flags that select exchanges, by themselves.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Typed {
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

/// The filter that `--path /a`, `--status 5xx`… make together.
///
/// # Errors
/// If one of them is no filter.
pub(super) fn of_texts(texts: &[String]) -> anyhow::Result<Filter> {
    let words = texts.iter().flat_map(|text| {
        let (flag, value) = text.split_once(' ').unwrap_or((text, ""));
        [flag.to_owned(), value.to_owned()]
    });
    let typed = Typed::try_parse_from(words)?;
    config::filter(&typed.window, typed.filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_come_back() {
        let texts = [
            "--path /a/**",
            "--status 5xx",
            "--exchange 00c0ffee00c0ffee-12",
            "--sample 50%",
            "--sample-by client-ip",
        ];
        let filter = of_texts(&texts.map(str::to_owned)).unwrap();
        assert_eq!(
            (
                filter.paths.len(),
                filter.statuses.len(),
                filter.exchanges.len()
            ),
            (1, 1, 1)
        );
        assert!(filter.sample.is_some());
        assert!(of_texts(&["--colour red".to_owned()]).is_err());
    }
}
