//! Parts of the documents that are the program's own: options from the command line's definition, checks and thresholds
//! from the registry. `DBAUDIT_BLESS=1 cargo test --test repository` writes them anew.

use std::{fmt::Write, fs, path::Path};

use clap::{Arg, Command};
use dbaudit::{
    check::{CHECKS, explain},
    cli,
};

/// Compares what stands between the two lines with `expected`, or writes it there.
pub fn holds(file: &str, begin: &str, end: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap();
    let from = text
        .find(begin)
        .unwrap_or_else(|| panic!("{file} lacks {begin}"))
        + begin.len()
        + 1;
    let to = from
        + text[from..]
            .find(end)
            .unwrap_or_else(|| panic!("{file} lacks {end}"));
    if std::env::var_os("DBAUDIT_BLESS").is_some() {
        fs::write(&path, format!("{}{expected}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    // The first line alone: the whole is as long as the page.
    let (there, wanted) = (&text[from..to], expected);
    let mut pairs = there.lines().zip(wanted.lines());
    let differing = pairs.find(|(there, wanted)| there != wanted);
    assert!(
        there == wanted,
        "{file} is out of date: DBAUDIT_BLESS=1 cargo test --test repository; it differs in {differing:#?}"
    );
}

/// The whole command line, with the options that are otherwise defined only when their command is called.
pub fn definition() -> Command {
    let mut definition = cli::definition();
    definition.build();
    definition
}

/// Text as Markdown shows it in a cell of a table; what stands in backticks stays as it is.
fn in_a_cell(text: &str) -> String {
    let mut cell = String::new();
    let mut in_code = false;
    for sign in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
    {
        in_code ^= sign == '`';
        if sign == '|' || (!in_code && matches!(sign, '<' | '>' | '_' | '*')) {
            cell.push('\\');
        }
        cell.push(sign);
    }
    cell
}

fn option(arg: &Arg) -> String {
    let short = arg.get_short().filter(|_| arg.get_long().is_some());
    let short = short.map_or(String::new(), |short| format!("`-{short}`, "));
    let help = arg.get_long_help().or(arg.get_help());
    let mut row = format!(
        "| {short}`{arg}` | {}",
        help.map_or(String::new(), |help| in_a_cell(&help.to_string()))
    );
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && arg.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() {
        let _ = write!(row, ". One of {}", values.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(row, " (`{}`)", variable.to_string_lossy());
    }
    row + " |\n"
}

fn options<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows: String = args
        .filter(|arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version"))
        .map(option)
        .collect();
    if rows.is_empty() {
        return "None but the [global ones](commands.md#global-options).\n".to_owned();
    }
    format!("| option | does |\n| --- | --- |\n{rows}")
}

#[test]
fn the_page_of_each_command_lists_its_options() {
    let definition = definition();
    for command in definition.get_subcommands() {
        let name = command.get_name();
        if matches!(name, "help" | "completions" | "man") {
            continue;
        }
        let own = command.get_arguments().filter(|arg| !arg.is_global_set());
        holds(
            &format!("docs/src/{name}.md"),
            "<!-- options -->",
            "<!-- /options -->",
            &options(own),
        );
    }
    let global = definition.get_arguments().filter(|arg| arg.is_global_set());
    holds(
        "docs/src/commands.md",
        "<!-- options -->",
        "<!-- /options -->",
        &options(global),
    );
}

#[test]
fn the_page_of_checks_is_the_registry() {
    let mut page = String::from("| check | severity | finds |\n| --- | --- | --- |\n");
    for check in CHECKS {
        let (code, severity, summary) = (check.code, check.severity, check.summary);
        let _ = writeln!(page, "| [`{code}`](#{code}) | {severity} | {summary} |");
    }
    for check in CHECKS {
        let text = explain(Some(check.code)).unwrap();
        // Its first line is in the table, and its end, the form of an accepted finding, at the page's head.
        let body = text.split_once("\n\n").unwrap().1;
        let body = body.split_once("\nTo accept a finding:").unwrap().0;
        let _ = write!(page, "\n## {}\n\n{body}", check.code);
    }
    holds(
        "docs/src/checks.md",
        "<!-- checks -->",
        "<!-- /checks -->",
        &page,
    );
}

#[test]
fn the_annotated_configuration_holds_every_threshold() {
    let mut text = String::new();
    for check in CHECKS.iter().filter(|check| !check.thresholds.is_empty()) {
        let _ = writeln!(text, "\n#[report.checks.{}]", check.code);
        for threshold in check.thresholds {
            let _ = writeln!(text, "# {}", threshold.meaning);
            let _ = writeln!(text, "#{} = {}", threshold.key, threshold.default);
        }
    }
    holds(
        "dbaudit.toml",
        "# The thresholds of every check, with their defaults; `dbaudit explain CHECK` explains them. {",
        "# }",
        &text,
    );
}
