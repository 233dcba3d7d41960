//! dbaudit makes an application's Postgres queries meet their latency budget, and proves it.
//!
//! The map of the house, and which room imports which, is `docs/src/house.md`.

pub mod advise;
mod apply;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod command;
pub mod config;
pub mod db;
pub mod demo;
mod duration;
pub mod endpoint;
mod error;
mod explain;
mod host;
mod human;
mod interrupt;
mod measure;
mod memory_limit;
mod migration;
mod off_thread;
mod outcome;
pub mod output;
pub mod plan;
mod progress;
mod render;
mod report;
pub mod serve;
mod sql;
pub mod stats;
mod twin;
mod what_if;
mod workload;

pub use error::{Error, Result};
pub use outcome::Outcome;
