//! The dbaudit binary: parse, run, print the error, exit.

use std::process::ExitCode;

use dbaudit::{Outcome, command, config, output};

fn main() -> ExitCode {
    if let Some(exit) = config::complete(std::env::args_os()) {
        return exit;
    }
    let invocation = match config::Invocation::from_args(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(exit) => return exit,
    };
    let outcome = match command::run(invocation) {
        Ok(outcome) => outcome,
        Err(error) => {
            output::print_error(&error);
            error.outcome()
        }
    };
    ExitCode::from(Outcome::status(outcome))
}
