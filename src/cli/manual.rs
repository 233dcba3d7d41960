//! The man page, made from the command line's definition.

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::definition;
use crate::outcome::EXIT_STATUSES;

/// The man page: one for dbaudit and all its commands.
pub fn page() -> String {
    let mut definition = definition();
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
    render_environment(definition, page)?;
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
    heading.text([bold(name), roman(" [its own options and the global ones]")]);
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
    let mut examples = Roff::new();
    // No filling: the lines are commands.
    examples.control("PP", []);
    examples.control("nf", []);
    let text = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    for line in text.lines() {
        examples.text([roman(line)]);
    }
    examples.control("fi", []);
    examples.to_writer(page)
}

/// The variables that flags can be given by, and libpq's.
fn render_environment(definition: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut section = Roff::new();
    section.control("SH", ["ENVIRONMENT"]);
    section.text([roman(
        "Flags override these variables, and these override the configuration file.",
    )]);
    let commands = std::iter::once(definition).chain(definition.get_subcommands());
    let mut seen = std::collections::BTreeSet::new();
    for argument in commands.flat_map(Command::get_arguments) {
        if let (Some(name), Some(flag)) = (argument.get_env(), argument.get_long())
            && seen.insert(name.to_owned())
        {
            section.control("TP", []);
            section.text([bold(name.to_string_lossy())]);
            section.text([roman("As "), bold(format!("--{flag}"))]);
        }
    }
    section.control("TP", []);
    section.text([bold(
        "PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGSSLMODE, …",
    )]);
    section.text([roman(
        "All of libpq's variables, for whatever the connection string leaves open, as in psql. PGSERVICE, \
         PGSERVICEFILE, PGPASSFILE and their files are read too.",
    )]);
    section.control("TP", []);
    section.text([bold("NO_COLOR")]);
    section.text([roman("Disables colours, unless --color overrides it.")]);
    section.control("TP", []);
    section.text([bold("RUST_LOG")]);
    section.text([roman("Selects log lines by level and module.")]);
    section.control("SH", ["FILES"]);
    for (file, what) in [
        (
            "dbaudit.toml",
            "The configuration file, read from the current directory.",
        ),
        (
            "~/.pgpass, ~/.pg_service.conf",
            "libpq's password and service files.",
        ),
        (
            "~/.postgresql/root.crt, postgresql.crt, postgresql.key",
            "The certificate authorities that servers are verified with, and the client's own certificate and \
             key.",
        ),
    ] {
        section.control("TP", []);
        section.text([bold(file)]);
        section.text([roman(what)]);
    }
    section.to_writer(page)
}
