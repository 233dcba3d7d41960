//! Query files, and where their parameters come from.
//!
//! PURE but for [`load()`], which reads the files. A query file is a header of SQL comments and one
//! statement:
//!
//! ```sql
//! -- name: content_by_user
//! -- description: a user's content, newest first
//! -- budget: 100ms p95
//! -- param $1: column content.user_id
//! -- param $2: values 20
//! SELECT …
//! ```
//!
//! | key | value |
//! | --- | --- |
//! | `name` | letters, digits, `_`, `-`, `.`; the file's stem where it is missing |
//! | `description` | free text |
//! | `budget` | a duration, with a percentile after it if not p95 |
//! | `percentile` | the percentile, if it is not in `budget` |
//! | `param $n` | `values a, b`, `column [schema.]table.column` or `query SELECT …` |
//! | `buffers` | at most this many blocks, shared hit + read |
//! | `rows` | `N` or `min..max`: a result outside it is an error |
//! | `tags` | names, comma-separated |
//! | `skip` | why it is not timed |

mod case;
mod column;
mod draw;
mod header;
mod load;
mod query_file;
mod setting_pair;
mod source;
mod statement;

pub(crate) use self::query_file::parse_budget;
pub use self::{
    case::{Candidate, Case, Label, PlanMode, cases},
    column::ColumnRef,
    draw::{draw, draw_together},
    load::{Selection, load},
    query_file::{QueryFile, RowRange},
    setting_pair::SettingPair,
    source::{Source, Value},
};
