//! Options that clap hears of only when their command is called.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// A command's options, defined when they are parsed or explained: a start pays for its own command's alone.
/// Boxed, so that no command's make the others' larger.
#[derive(Debug)]
pub struct Deferred<T>(pub Box<T>);

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(define::<T>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What a command is about was said before its options were defined, whose own text is not for users.
fn define<T: Args>(command: Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let long_about = command.get_long_about().cloned();
    let command = T::augment_args(command).about(about).long_about(None);
    match long_about {
        Some(text) => command.long_about(text),
        None => command,
    }
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(|args| Self(Box::new(args)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::Cli;

    #[test]
    fn a_command_that_is_not_called_defines_no_options() {
        let mut definition = Cli::command();
        let parsed = definition.try_get_matches_from_mut(["dbaudit", "demo", "--keep"]);
        assert!(parsed.is_ok(), "{parsed:?}");
        let known = |command: &str, option: &str| {
            let command = definition.find_subcommand(command);
            command.map(|command| command.get_arguments().any(|arg| arg.get_id() == option))
        };
        assert_eq!(known("demo", "keep"), Some(true));
        assert_eq!(known("report", "fail_on"), Some(false));
        let about = |command: &str| definition.find_subcommand(command)?.get_about();
        assert!(about("demo").is_some_and(|text| text.to_string().starts_with("See all three")));
    }
}
