//! Against real servers: one module per area. `tests/run` provides the servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests fail by panicking, and nothing here is for others"
)]

mod advise;
mod also;
mod apply;
mod apply_faults;
mod apply_pooler;
mod apply_replay;
mod apply_terminal;
mod apply_waits;
mod connect;
mod costs;
mod crowded;
mod demo;
mod docs;
mod endpoints;
mod formats;
mod harness;
mod import;
mod init;
mod names;
mod report;
mod report_checks;
mod serve;
#[path = "../support/mod.rs"]
mod support;
mod time;
mod twin;
