//! Which indexes bring every query within its budget, found together.
//!
//! PURE: what a query needs of its tables is read from the plan that the server makes when it may use no
//! index ([`needs`]), where names are resolved, views opened and constants folded; from that and from what is
//! known of the tables come [`candidates`]; the search for sets of them works on costs that somebody else
//! asks of the server ([`Exploration`], [`combine`]).

mod alternatives;
mod candidate;
mod combine;
mod explore;
mod expression;
mod index_spec;
mod judge;
mod memo;
mod merge;
mod misestimate;
mod need;
mod plan_cost;
mod redundant;
mod search;
mod size;
mod text;
mod writes;

pub use self::{
    alternatives::alternatives,
    candidate::candidates,
    combine::{Alternative, Choice, Combined, SetLimits, Subset, combine},
    explore::Exploration,
    expression::{ColumnUse, Operand, Term, terms},
    index_spec::{IndexSpec, Key, Method},
    judge::{Cost, Point, QueryModel, Time, WITHIN_MARGIN},
    memo::{Memo, Reply},
    merge::merged,
    misestimate::{Correlated, KINDS, Misestimate, estimates, is_far_off},
    need::{Need, forget_varying_kinds, needs},
    plan_cost::{Caution, PlanCost, plan_cost},
    redundant::{Redundant, redundant},
    search::{Effect, Oracle, Question, Search, Space, Subject, Weight, leave_out_what_never_pays},
    size::index_bytes,
    text::{Clauses, ParameterUse, folded, parameter_uses, preparable},
    writes::{WriteEffect, Writes, counted_entries},
};
pub use crate::catalog::{ClassFacts, ColumnFacts, PresentIndex, RowCounters, TableFacts};
