//! Query files, and where their parameters come from. [`FORMAT`] is the form, as `dbaudit explain query-file` prints it.
//!
//! PURE but for [`load()`], which reads the files.

/// The format of a query file, for people.
pub const FORMAT: &str = include_str!("workload/format.txt");

mod case;
mod comment;
mod draw;
mod header;
mod load;
mod query_file;
mod role;
mod row_range;
mod setting_pair;
mod source;
mod statement;
mod token;

pub(crate) use self::header::parse_budget;
pub use self::{
    case::{Candidate, Case, Label, PlanMode, cases},
    draw::{array, draw, draw_end, draw_lists, draw_together},
    load::{Selection, load},
    query_file::QueryFile,
    role::Role,
    row_range::RowRange,
    setting_pair::SettingPair,
    source::{End, Source, Value},
    token::{Token, TokenKind, replaced, tokens},
};
pub use crate::catalog::ColumnRef;
