//! The arguments of the verbs. A call needs only those of one verb.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// The arguments of a verb, which clap gets only when it reaches the verb or its help. Making the
/// arguments of all verbs would cost more than reading the rest of a command line.
#[derive(Debug)]
pub(super) struct Later<T>(pub(super) T);

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(with_args::<T>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(with_args::<T>)
    }
}

/// Adds the arguments, but keeps the description of the verb instead of that of its struct.
fn with_args<T: Args>(command: Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let long_about = command.get_long_about().cloned();
    let command = T::augment_args(command).about(about);
    match long_about {
        Some(long) => command.long_about(long),
        None => command.long_about(None),
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Later)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
