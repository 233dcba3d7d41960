//! Advice with a connection: the planner is asked what it would do if an index were there.

mod answer;
mod built;
mod by_rule;
mod candidate_facts;
mod clock;
mod conclude;
mod drop_impact;
mod examine;
mod hypopg;
mod measure;
mod planner;
mod prove;
mod run;
mod search;
mod settings;
mod statements;
mod statistics;
mod trial;
mod write_tax;

pub use self::{
    drop_impact::drop_impact,
    hypopg::shares,
    run::advise,
    settings::{Advice, Queries, WhatIfConfig},
};
