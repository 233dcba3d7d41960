//! Index-migration files → their statements, in order. Pure, but for reading the folder.
//!
//! A file is named `V<n>__<name>.sql` and holds one or more of `CREATE [UNIQUE] INDEX CONCURRENTLY`,
//! `DROP INDEX CONCURRENTLY`, `REINDEX … CONCURRENTLY` and `COMMENT ON INDEX`. Anything else is refused with
//! file, line and column before anything is sent. What the statements amount to on a server is decided by
//! [`crate::plan`], which replays them over what the server and the history hold.

mod file;
pub mod import;
mod parse;
mod section;
mod statement;

pub use self::{
    file::{Migration, check, embedded, load},
    statement::{Comment, CreateIndex, DropIndex, Name, Reindex, ReindexTarget, Statement},
};
