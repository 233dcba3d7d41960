//! Texts made from the command line's definition: shell completions and the man page.

use clap::{Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::Cli;
use crate::outcome::EXIT_STATUSES;

/// The completion script for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dbaudit", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The man page: one for dbaudit and all its commands.
#[must_use]
pub fn page() -> String {
    let mut definition = Cli::command();
    definition.build();
    let mut page = Vec::new();
    // Writing into memory cannot fail.
    let _ = render(&definition, &mut page);
    String::from_utf8_lossy(&page).into_owned()
}

fn render(definition: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let man = Man::new(definition.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    for command in definition.get_subcommands() {
        if command.get_name() != "help" {
            render_command(definition, command, page)?;
        }
    }
    let mut exit = Roff::new();
    exit.control("SH", ["EXIT STATUS"]);
    // No filling: it is a table.
    exit.control("nf", []);
    for line in EXIT_STATUSES.lines().skip(1) {
        exit.text([roman(line)]);
    }
    exit.control("fi", []);
    exit.to_writer(page)?;
    man.render_version_section(page)
}

/// A section for a command, with the options that are its own.
fn render_command(
    definition: &Command,
    command: &Command,
    page: &mut Vec<u8>,
) -> std::io::Result<()> {
    let mut heading = Roff::new();
    let name = format!("dbaudit {}", command.get_name());
    heading.control("SH", [name.to_uppercase().as_str()]);
    if let Some(about) = command.get_about() {
        heading.text([roman(about.to_string())]);
    }
    heading.control("PP", []);
    heading.text([
        bold(name),
        roman(" [options of its own, or of every command]"),
    ]);
    heading.to_writer(page)?;
    let is_shared = |id: &clap::Id| {
        definition
            .get_arguments()
            .any(|argument| argument.get_id() == id)
    };
    let shared: Vec<clap::Id> = command
        .get_arguments()
        .map(|argument| argument.get_id().clone())
        .filter(|id| is_shared(id) || id == "help" || id == "version")
        .collect();
    let own = shared.into_iter().fold(command.clone(), |command, id| {
        command.mut_arg(id, |argument| argument.hide(true))
    });
    let mut options = Vec::new();
    Man::new(own).render_options_section(&mut options)?;
    let options = String::from_utf8_lossy(&options).into_owned();
    // Within the command's section, not beside it.
    page.extend(options.replace(".SH OPTIONS\n", "").into_bytes());
    Ok(())
}
