//! The arguments of verbs, of which a call needs only one's.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// Arguments of a verb that are told to clap when it comes to the verb, or to its help. To make those of
/// all verbs costs more than the rest of reading a command line.
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

/// With the arguments, and with what was said about the verb, not about their struct.
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
