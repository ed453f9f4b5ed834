//! What is taken out of exchanges before anything is stored: flags that every recording command takes.

use std::path::PathBuf;

use clap::Args;

/// What is taken out of exchanges before anything is stored.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Privacy (before anything is stored)")]
pub struct RedactArgs {
    /// Take out what this rule marks: PLACE:NAME, or PLACE:NAME=ACTION; may be given several times
    ///
    /// Places: header, cookie (also set), query, form, json (a pointer: /customer/email, /items/*/name, /**/iban), path
    /// ({} marks a segment: /customers/{}/**), body (a media type), userinfo, and preset:credentials. Names are globs in
    /// any case. Actions: mask (the default), drop, pseudonymise, the last with a shape: token, digits, email, uuid,
    /// card or auto. The README says more. Example: --redact preset:credentials --redact
    /// 'json:/**/email=pseudonymise:email'
    #[arg(
        long,
        value_name = "RULE",
        env = "RECORDER_REDACT",
        hide_env_values = true,
        value_delimiter = ';'
    )]
    pub redact: Vec<String>,

    /// Read more rules from a TOML file: rules = ["RULE", …]
    ///
    /// The file is checked at start. Example: --redact-file redact.toml
    #[arg(
        long,
        value_name = "FILE",
        env = "RECORDER_REDACT_FILE",
        hide_env_values = true
    )]
    pub redact_file: Option<PathBuf>,

    /// Read the key of pseudonyms from this file, or give it in the variable RECORDER_REDACT_KEY
    ///
    /// At least 16 bytes; all recorders need the same one. It is never shown: the archive names its id. Make one with:
    /// openssl rand -hex 32. Example: --redact-key-file /etc/reprise/redact.key
    #[arg(
        long,
        value_name = "FILE",
        env = "RECORDER_REDACT_KEY_FILE",
        hide_env_values = true
    )]
    pub redact_key_file: Option<PathBuf>,
}
