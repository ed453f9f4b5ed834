//! `replayer compare`, made sense of.

use anyhow::Context as _;
use replayer_core::endpoint;
use replayer_core::ledger::Ledger;
use replayer_core::rules::{RuleSet, parse_rules};
use replayer_core::verdict::{Gates, Required};
use schema::Keyring;

use crate::cli::{CompareArgs, FailOnArg, GatesArgs, RulesFileArgs};
use crate::keys;

/// `replayer compare`.
#[derive(Clone, Debug)]
pub(crate) struct CompareConfig {
    /// URL of the archive.
    pub(crate) archive: String,
    /// What encrypts it, and what is written into it.
    pub(crate) keys: Keyring,
    /// The baseline's run; `None` for the recording.
    pub(crate) baseline: Option<String>,
    /// The candidate's run.
    pub(crate) candidate: String,
    /// More runs of the baseline's build.
    pub(crate) noise: Vec<String>,
    /// What does not matter.
    pub(crate) rules: RuleSet,
    /// The same as text, for the verdict's id.
    pub(crate) rules_text: String,
    /// What a pass asks for.
    pub(crate) gates: Gates,
    /// The same as text, for the verdict's id.
    pub(crate) gates_text: String,
    /// What somebody has accepted.
    pub(crate) accepted: Ledger,
    /// Bytes of answers that wait for their like.
    pub(crate) join_memory: usize,
}

impl TryFrom<CompareArgs> for CompareConfig {
    type Error = anyhow::Error;

    fn try_from(args: CompareArgs) -> anyhow::Result<Self> {
        let (rules, rules_text) = rules(&args.rules)?;
        let accepted = match &args.accepted {
            Some(file) if file.exists() => {
                let name = file.display().to_string();
                let text = std::fs::read_to_string(file).with_context(|| format!("read {name}"))?;
                Ledger::parse(&text, &name).map_err(anyhow::Error::msg)?
            }
            _ => Ledger::default(),
        };
        Ok(Self {
            keys: keys::load(&args.archive.keys.key_file)?,
            archive: args.archive.archive,
            baseline: (args.sides.baseline != "recorded").then_some(args.sides.baseline),
            candidate: args.sides.candidate,
            noise: args.sides.noise,
            rules,
            rules_text,
            gates_text: format!("{:?}", args.gates),
            gates: gates(&args.gates)?,
            accepted,
            join_memory: args.join_memory.0,
        })
    }
}

/// The rules of the file and the presets, and the same as text.
///
/// # Errors
/// If the file cannot be read, or is no file of rules.
pub(crate) fn rules(args: &RulesFileArgs) -> anyhow::Result<(RuleSet, String)> {
    let (mut rules, mut text) = (RuleSet::default(), String::new());
    if let Some(file) = &args.rules {
        let name = file.display().to_string();
        text = std::fs::read_to_string(file).with_context(|| format!("read {name}"))?;
        rules = parse_rules(&text, &name)?;
    }
    for &preset in &args.preset {
        text.push_str(&format!("\0{preset:?}"));
        rules.add_preset(preset.into());
    }
    Ok((rules, text))
}

fn gates(args: &GatesArgs) -> anyhow::Result<Gates> {
    let required = |text: &String| {
        let glob = endpoint::glob(text);
        anyhow::Ok(Required {
            text: text.clone(),
            glob: glob.with_context(|| format!("--require `{text}` is no glob"))?,
        })
    };
    Ok(Gates {
        fail_on_any: args.fail_on == FailOnArg::Any,
        judged_share_min: args.min_coverage,
        lag_us_max: args
            .max_lag
            .map(|lag| i64::try_from(lag.0.as_micros()).unwrap_or(i64::MAX)),
        slowdown_max: args.max_slowdown,
        required: args
            .require
            .iter()
            .map(required)
            .collect::<Result<_, _>>()?,
    })
}
