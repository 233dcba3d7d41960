//! The throwaway server, the sample schema and data.

mod binaries;
mod data;
mod fetch;
mod sample;
mod server;
mod words;

pub use self::{
    binaries::{Binaries, candidate_folders},
    sample::{SEED, load},
    server::{Listen, Server, Stop},
};
