//! The throwaway server, the sample schema and data.

mod binaries;
mod data;
mod fetch;
mod prepare;
mod sample;
mod server;
mod words;

pub use self::{
    binaries::{Binaries, candidate_folders},
    prepare::{DATABASE, end, fill, start},
    sample::{SEED, age, analyze, load},
    server::{Listen, Server, ShutdownMode},
};
