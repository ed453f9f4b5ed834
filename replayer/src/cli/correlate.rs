//! What of the target's answers goes into later requests.

use clap::Args;

/// What of the target's answers goes into later requests.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Requests")]
pub struct CorrelateArgs {
    /// Put what the target issues (cookies, tokens, ids) into later requests in place of the recorded values
    ///
    /// auto, the default: cookies, and values that are random. A rule names others: json:/POINTER, header:NAME, cookie:NAME or
    /// html:NAME, if wanted with the places that they may be put into: json:/id=path,query. off: nothing but what rules name.
    /// May be repeated.
    #[arg(long, value_name = "RULE", env = "REPLAYER_CORRELATE")]
    pub correlate: Vec<String>,
}
