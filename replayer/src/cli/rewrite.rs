//! How requests are changed before they are sent.

use std::path::PathBuf;

use clap::Args;

/// How requests are changed before they are sent.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Requests")]
pub struct RewriteArgs {
    /// Change requests: set FIELD=VALUE, add FIELD=VALUE, remove FIELD, host [GLOB=]NAME or prefix /OLD=/NEW
    ///
    /// FIELD is header:NAME, cookie:NAME, query:NAME, form:NAME or json:/POINTER. May be repeated; rules do their work in their
    /// order, after those of --rewrite-file. Example: 'set header:X-Env=test'
    #[arg(long, value_name = "RULE")]
    pub rewrite: Vec<String>,

    /// TOML file of such rules, which can also say for which requests
    #[arg(long, value_name = "FILE", env = "REPLAYER_REWRITE_FILE")]
    pub rewrite_file: Option<PathBuf>,

    /// Move times in this field from the recorded window to now: Unix times, RFC 3339, dates, HTTP-dates, each in its shape
    ///
    /// Only those that lie in the recorded window, unless the field is followed by =all. May be repeated. Example: query:from
    #[arg(long, value_name = "FIELD")]
    pub shift_time: Vec<String>,

    /// Send what this environment variable holds as Authorization, where the recorded request has one. Example: TEST_TOKEN
    #[arg(long, value_name = "NAME")]
    pub authorization_env: Option<String>,

    /// Sign recorded JSON Web Tokens anew with this key, their times moved to now: PEM for RS256 and ES256, a secret for HS256
    #[arg(long, value_name = "FILE", env = "REPLAYER_JWT_KEY")]
    pub jwt_key: Option<PathBuf>,
}
