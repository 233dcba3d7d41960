//! Carries a Plan out: build, watch, retry, adopt, clean up.
//!
//! One session controls (it looks, watches and holds the advisory lock that keeps two deploys apart), others build,
//! one statement per round trip and never in a transaction block. After each statement the server is looked at
//! again and [`crate::plan::decide`] asked anew, so that whatever happened meanwhile, the next thing sent
//! is right for what is there now.

mod answer;
mod backoff;
mod carry_out;
mod control;
mod definitions;
mod event;
mod failure;
mod guard;
mod history;
mod look;
mod send;
mod session;
mod settings;
mod unique;
mod watch;

pub use self::{
    carry_out::carry_out,
    control::{Run, connect},
    event::{Event, Listener},
    guard::{check_history, check_server},
    settings::{ApplyConfig, HISTORY_TABLE, quoted_table},
    watch::{BuildProgress, Wait},
};
