use std::time::Duration;

use crate::{
    db::{ConnectionConfig, Session},
    interrupt::Interrupt,
    progress::Progress,
    workload::QueryFile,
};

/// What `advise` searches with.
#[derive(Debug, Clone)]
pub struct WhatIfConfig {
    /// What each statement of pg_stat_statements may take.
    pub budget: Duration,
    /// New indexes at most.
    pub max_indexes: Option<usize>,
    /// Bytes of new indexes at most.
    pub max_size: Option<u64>,
    pub max_time: Duration,
    /// Combinations of parameters per query.
    pub max_cases: u32,
    pub create_extension: bool,
    /// No query is run: what each takes is known or guessed from its cost.
    pub plans_only: bool,
    /// The best sets are built for real.
    pub prove: bool,
}

/// What advice is asked with.
#[derive(Debug)]
pub struct Advice<'a> {
    pub session: Session,
    /// For the further sessions of a proof.
    pub connection: &'a ConnectionConfig,
    pub settings: &'a WhatIfConfig,
    pub progress: &'a Progress,
    pub interrupt: &'a Interrupt,
}

/// What advice is asked on.
#[derive(Debug, Clone)]
pub enum Queries {
    Files(Vec<QueryFile>),
    /// So many of pg_stat_statements.
    Heaviest(u32),
}
