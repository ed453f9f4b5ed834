//! Which exchanges are recorded: flags that every recording command takes.

use clap::Args;
use recorder_core::{Filter, Selection};
use schema::{Sample, SampleBy};

/// Which exchanges are recorded.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Selection (what is left out is counted, and never stored)")]
pub struct SelectionArgs {
    /// Record only exchanges that pass this filter; may be given several times, then one of them suffices
    ///
    /// A filter is conditions with blanks between them, all of which have to hold: FIELD=VALUE or FIELD!=VALUE, several
    /// values separated by commas. Fields: host and path (globs: * stops at the slashes of a path, ** does not; {a,b}),
    /// method, status (404, 5xx, 200-299). Host as sent, with its port. In the variable, filters are separated by
    /// semicolons. Example: --keep 'host=api.* method=GET,HEAD'
    #[arg(
        long,
        value_name = "FILTER",
        env = "RECORDER_KEEP",
        hide_env_values = true,
        value_delimiter = ';'
    )]
    pub keep: Vec<Filter>,

    /// Do not record exchanges that pass this filter, whatever --keep says; may be given several times
    ///
    /// Example: --drop 'path=/health,/ready' --drop 'method=OPTIONS status=2xx'
    #[arg(
        long,
        value_name = "FILTER",
        env = "RECORDER_DROP",
        hide_env_values = true,
        value_delimiter = ';'
    )]
    pub drop: Vec<Filter>,

    /// Record a share of the traffic: 10%, 0.1 or 1/10
    ///
    /// Who is in is decided by a hash of --sample-by, so that it is the same on every recorder, on every day, and for
    /// the replayer's --sample. Example: --sample 10% --sample-by cookie:session
    #[arg(
        long,
        value_name = "SHARE",
        env = "RECORDER_SAMPLE",
        hide_env_values = true,
        value_parser = schema::parse_share
    )]
    pub sample: Option<f64>,

    /// What is kept together when sampling: client-ip, connection, header:NAME or cookie:NAME
    ///
    /// Exchanges without the header or cookie are decided by their connection.
    #[arg(
        long,
        value_name = "KEY",
        env = "RECORDER_SAMPLE_BY",
        hide_env_values = true,
        default_value = "connection"
    )]
    pub sample_by: SampleBy,
}

impl SelectionArgs {
    /// What the recorder's core is to do.
    #[must_use]
    pub fn selection(self) -> Selection {
        let by = self.sample_by;
        Selection {
            keep: self.keep,
            drop: self.drop,
            sample: self.sample.map(|share| Sample { share, by }),
        }
    }
}
