//! The live stream: who may read it, and from where.

use super::{ConfigError, problem};
use crate::cli::LiveArgs;
use crate::live::{Live, server_tls, token_file};

/// The live stream, if it is asked for. What it shows is production data: beyond this machine it takes a token and TLS.
pub(super) fn live(args: &LiveArgs) -> Result<Option<Live>, ConfigError> {
    let Some(address) = args.live else {
        return Ok(None);
    };
    let token = args.live_token_file.as_deref().map(token_file).transpose();
    let token = token.map_err(|error| problem("--live-token-file", format!("{error:#}")))?;
    let tls = match (&args.live_tls_cert, &args.live_tls_key) {
        (Some(certificates), Some(key)) => Some(server_tls(certificates, key)),
        _ => None,
    };
    let tls = tls.transpose();
    let tls = tls.map_err(|error| problem("--live-tls-cert", format!("{error:#}")))?;
    if !address.ip().is_loopback() && (token.is_none() || tls.is_none()) {
        let text = format!(
            "{address} can be reached from other machines, and what it serves is what was recorded: give both \
             --live-token-file and --live-tls-cert, or a loopback address such as 127.0.0.1:{}",
            address.port()
        );
        return Err(problem("--live", text));
    }
    Ok(Some(Live {
        address,
        token,
        tls,
    }))
}
