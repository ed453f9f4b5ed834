//! Which flags were given, for a run that goes on to be given the same.

use std::collections::BTreeMap;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::{FollowArgs, RunArgs};

/// The flags of `replayer run` and `replayer follow` that were typed or set by a variable: names without `--`, with their values as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed(pub BTreeMap<String, Vec<String>>);

impl Args for Typed {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let commands = commands();
        let given = matches.ids().filter_map(|id| {
            let mut args = commands.iter().flat_map(Command::get_arguments);
            let arg = args.find(|arg| arg.get_id() == id)?;
            let source = matches.value_source(id.as_str())?;
            let is_given = source != ValueSource::DefaultValue;
            let values = is_given.then(|| values(matches, arg))?;
            let name = arg.get_long()?;
            (!values.is_empty()).then(|| (name.to_owned(), values))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Typed {
    /// Flags as they are typed on a command line.
    #[must_use]
    pub fn arguments(options: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let commands = commands();
        let is_switch = |name: &str| {
            let mut args = commands.iter().flat_map(Command::get_arguments);
            let arg = args.find(|arg| arg.get_long() == Some(name));
            arg.is_some_and(|arg| matches!(arg.get_action(), ArgAction::SetTrue))
        };
        let typed = options.iter().flat_map(|(name, values)| {
            let switch = is_switch(name);
            values.iter().map(move |value| match switch {
                true => format!("--{name}"),
                false => format!("--{name}={value}"),
            })
        });
        typed.collect()
    }
}

/// The commands whose flags are stored. What has one name in both is one flag.
fn commands() -> [Command; 2] {
    [
        RunArgs::augment_args(Command::new("run")),
        FollowArgs::augment_args(Command::new("follow")),
    ]
}

/// The values of a flag; `true` for a switch that is on, none for one that is off.
fn values(matches: &ArgMatches, arg: &Arg) -> Vec<String> {
    let id = arg.get_id().as_str();
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        let is_on = matches.get_flag(id);
        return is_on.then(|| "true".to_owned()).into_iter().collect();
    }
    let values = matches.get_raw(id).into_iter().flatten();
    values
        .map(|value| value.to_string_lossy().into_owned())
        .collect()
}
