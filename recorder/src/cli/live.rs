//! The live stream for subscribers: flags of `recorder listen`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::units::{ByteSize, parse_address};

/// How the live stream is served.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Live stream")]
pub struct LiveArgs {
    /// Address that serves what is recorded, as it is recorded: an Arrow IPC stream over HTTP, at /v1/exchanges
    ///
    /// Only loopback addresses, unless a token and TLS are given. The README says how to subscribe. Example: --live
    /// 127.0.0.1:9091
    #[arg(long, value_name = "ADDR", env = "RECORDER_LIVE", hide_env_values = true, value_parser = parse_address)]
    pub live: Option<SocketAddr>,

    /// File with the token that subscribers present: Authorization: Bearer TOKEN
    ///
    /// At least 16 characters; make one with: openssl rand -hex 32. Example: --live-token-file /etc/reprise/live.token
    #[arg(
        long,
        value_name = "FILE",
        env = "RECORDER_LIVE_TOKEN_FILE",
        hide_env_values = true,
        requires = "live"
    )]
    pub live_token_file: Option<PathBuf>,

    /// Certificate of the address, with those that signed it: PEM
    ///
    /// Example: --live-tls-cert server.pem --live-tls-key server.key
    #[arg(
        long,
        value_name = "FILE",
        env = "RECORDER_LIVE_TLS_CERT",
        hide_env_values = true,
        requires = "live_tls_key"
    )]
    pub live_tls_cert: Option<PathBuf>,

    /// Private key of that certificate: PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "RECORDER_LIVE_TLS_KEY",
        hide_env_values = true,
        requires = "live_tls_cert"
    )]
    pub live_tls_key: Option<PathBuf>,

    /// How much of what is in segments already --spool keeps, beside --spool-max, for subscribers to go on from
    ///
    /// Compressed: about a tenth of the traffic. Example: --live-keep 4GiB
    #[arg(
        long,
        value_name = "BYTES",
        env = "RECORDER_LIVE_KEEP",
        hide_env_values = true,
        default_value = "256MiB"
    )]
    pub live_keep: ByteSize,
}
