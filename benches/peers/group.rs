//! What is measured: one file per group.

mod advise;
mod deploy_full;
mod deploy_nothing;
mod hard_cases;
mod partitions;
mod report;
mod serve;
mod startup;
mod timing;
mod twin;
mod verdicts;
mod writers;

use crate::{arguments::Arguments, outcome::Outcome, place::Place};

pub(crate) struct Group {
    /// The bench's argument, and the name of the files.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Makes what is kept from run to run: [`Place::sample`], [`Place::kept`].
    pub(crate) prepare: fn(&Place, &Arguments),
    pub(crate) measure: fn(&Place, &Arguments) -> Outcome,
}

/// In the order of the page. Another group is a file beside these and an entry here: its page, figures and
/// pictures follow from the [`Outcome`] that it returns.
pub(crate) static GROUPS: [Group; 13] = [
    Group {
        name: "deploy-nothing",
        about: "a deploy with nothing to do, beside sqlx, refinery and psql",
        prepare: |_, _| (),
        measure: deploy_nothing::measure,
    },
    Group {
        name: "deploy-full",
        about: "index builds on 1,000,000 and 3,000,000 rows, beside psql",
        prepare: deploy_full::prepare,
        measure: deploy_full::measure,
    },
    Group {
        name: "writers",
        about: "writers beside a build, open loop",
        prepare: writers::prepare,
        measure: writers::measure,
    },
    Group {
        name: "hard-cases",
        about: "writers beside a replacement, a partition tree, a storm of locks, an orphan",
        prepare: hard_cases::prepare,
        measure: hard_cases::measure,
    },
    Group {
        name: "partitions",
        about: "an index on 100, 400 and 1,500 partitions, beside psql",
        prepare: partitions::prepare,
        measure: partitions::measure,
    },
    Group {
        name: "timing",
        about: "the median of a query, beside pgbench",
        prepare: timing::prepare,
        measure: timing::measure,
    },
    Group {
        name: "verdicts",
        about: "verdicts on queries planted around their budget, with and without CPU hogs",
        prepare: |_, _| (),
        measure: verdicts::measure,
    },
    Group {
        name: "advise",
        about: "the indexes that advise finds, beside a search that adds one at a time",
        prepare: advise::prepare,
        measure: advise::measure,
    },
    Group {
        name: "workloads",
        about: "the indexes that advise finds for generated workloads, beside other advisors' methods",
        prepare: advise::workloads::prepare,
        measure: advise::workloads::measure,
    },
    Group {
        name: "report",
        about: "the report on 500 to 50,000 tables, beside other tools and the raw catalog",
        prepare: report::prepare,
        measure: report::measure,
    },
    Group {
        name: "twin",
        about: "a snapshot of 5,000 tables and its twin, beside pg_dump",
        prepare: twin::prepare,
        measure: twin::measure,
    },
    Group {
        name: "serve",
        about: "ten minutes of beacons and dashboards beside collecting, open loop",
        prepare: serve::prepare,
        measure: serve::measure,
    },
    Group {
        name: "startup",
        about: "--help, the binary's size, the memory of each command",
        prepare: startup::prepare,
        measure: startup::measure,
    },
];

/// Their names, each with what it is about.
pub(crate) fn known() -> Vec<(&'static str, &'static str)> {
    GROUPS
        .iter()
        .map(|group| (group.name, group.about))
        .collect()
}

/// Those of these names, in the order of the names.
pub(crate) fn chosen(names: &[&str]) -> impl Iterator<Item = &'static Group> {
    let group = |name: &&str| GROUPS.iter().find(|group| group.name == *name);
    names.iter().filter_map(group)
}
