//! dbaudit beside the tools that users would pick instead, in one run.
//!
//! `cargo bench` builds the release binary, installs the peers that are missing, starts a server on data
//! that is kept from run to run, runs every comparison interleaved (ours, theirs, ours, theirs…), prints a
//! table per group, and writes `benches/RESULTS.md` with its pictures and the raw samples.
//! `cargo bench -- deploy report` runs these groups alone, `cargo bench -- --quick` all of them on little
//! data and without writing, `cargo bench -- --prepare` nothing but makes the data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench fails by panicking, and talks to the one who runs it"
)]

mod arguments;
mod cluster;
mod compare;
mod figure;
mod group;
mod install;
mod machine;
mod outcome;
mod peers;
mod place;
mod plot;
mod process;
mod requests;
mod results;
mod serving;
mod writers;

use arguments::{Arguments, Asked};

fn main() {
    match Arguments::parse(std::env::args().skip(1), &group::known()) {
        Asked::Run(arguments) => run(&arguments),
        Asked::Prepare(arguments) => prepare(&arguments),
        Asked::Page(arguments) => write_page(&arguments),
        Asked::Peak { file, command } => process::measure_peak(&file, &command),
        Asked::Usage(text) => println!("{text}"),
        Asked::Wrong(text) => {
            eprintln!("{text}");
            std::process::exit(2);
        }
    }
}

fn run(arguments: &Arguments) {
    let place = place::Place::prepare(arguments);
    println!("{}\n", machine::describe(&place));
    for group in group::chosen(&arguments.groups) {
        eprintln!("{} …", group.name);
        let begun = std::time::Instant::now();
        let mut outcome = (group.measure)(&place, arguments);
        outcome.name = group.name.into();
        outcome.conditions = machine::conditions(&place, begun.elapsed());
        println!("{}", outcome.to_text());
        if let Some(folder) = &arguments.output {
            results::keep(folder, &outcome);
        }
    }
    write_page(arguments);
}

fn prepare(arguments: &Arguments) {
    let place = place::Place::prepare(arguments);
    for group in group::chosen(&arguments.groups) {
        eprintln!("{} …", group.name);
        (group.prepare)(&place, arguments);
    }
    println!("{}", machine::describe(&place));
}

fn write_page(arguments: &Arguments) {
    if let Some(folder) = &arguments.output {
        results::write_page(folder);
        println!("{}", folder.join("RESULTS.md").display());
    }
}
