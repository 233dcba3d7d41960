//! Index-migration files → the indexes they leave standing. Pure, but for reading the folder.
//!
//! A file is named `V<n>__<name>.sql` and holds one or more of `CREATE [UNIQUE] INDEX CONCURRENTLY`,
//! `DROP INDEX CONCURRENTLY`, `REINDEX … CONCURRENTLY` and `COMMENT ON INDEX`. Anything else is refused with
//! file, line and column before anything is sent.

mod desired;
mod file;
mod parse;
mod statement;

pub use self::{
    desired::{Desired, DesiredIndex, Intent, fold},
    file::{Migration, embedded, load},
    statement::{Comment, CreateIndex, DropIndex, Name, Reindex, ReindexTarget, Statement},
};
