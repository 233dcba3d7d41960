//! dbaudit makes an application's Postgres queries meet their latency budget, and proves it.
//!
//! The map of the house. Dependencies point downwards only:
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`cli`] | the clap types, and nothing else |
//! | [`config`] | file + environment + flags → one validated configuration; no clap type goes below it |
//! | [`command`] | one straight-line script per command: what happens, in order |
//! | [`db`], [`apply`], [`measure`], [`demo`], [`endpoint`], [`host`], [`serve`] | effects: connections, builds, clocks, processes |
//! | [`catalog`], [`report`] | values: what the server holds, and what every output format receives |
//! | [`advise`], [`migration`], [`plan`], [`workload`], [`explain`], [`stats`], [`check`], [`render`] | pure: no connection, no clock, no stdout |
//!
//! [`outcome`] holds the exit statuses, [`error`] one variant per phase that can fail, each with a hint.

pub mod advise;
pub mod apply;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod command;
pub mod config;
pub mod db;
pub mod demo;
pub mod duration;
pub mod endpoint;
pub mod error;
pub mod explain;
pub mod host;
pub mod human;
pub mod interrupt;
pub mod measure;
pub mod migration;
pub mod outcome;
pub mod output;
pub mod plan;
pub mod progress;
pub mod render;
pub mod report;
pub mod serve;
pub mod stats;
pub mod twin;
pub mod workload;

pub use error::{Error, Result};
pub use outcome::Outcome;
