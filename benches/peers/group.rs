//! What is measured: one file per group.

mod deploy_full;
mod deploy_nothing;
mod hard_cases;
mod report;
mod startup;
mod timing;
mod verdicts;
mod writers;

use crate::{arguments::Arguments, outcome::Outcome, place::Place};

pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) measure: fn(&Place, &Arguments) -> Outcome,
}

/// In the order of the page.
pub(crate) static GROUPS: [Group; 8] = [
    Group {
        name: "deploy-nothing",
        about: "a deploy with nothing to do, beside sqlx and psql",
        measure: deploy_nothing::measure,
    },
    Group {
        name: "deploy-full",
        about: "the four standard indexes on a large table, beside psql",
        measure: deploy_full::measure,
    },
    Group {
        name: "writers",
        about: "writers beside a build, open loop",
        measure: writers::measure,
    },
    Group {
        name: "hard-cases",
        about: "writers beside a replacement, a partition tree, a storm of locks, an orphan",
        measure: hard_cases::measure,
    },
    Group {
        name: "timing",
        about: "the median of a query, beside pgbench",
        measure: timing::measure,
    },
    Group {
        name: "verdicts",
        about: "verdicts on queries planted around their budget, with and without CPU hogs",
        measure: verdicts::measure,
    },
    Group {
        name: "report",
        about: "the report on 500 and 5,000 tables, beside the raw catalog and PgHero's statements",
        measure: report::measure,
    },
    Group {
        name: "startup",
        about: "--help, the binary's size, the memory of each command",
        measure: startup::measure,
    },
];
