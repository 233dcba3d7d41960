//! URLs as ORMs and drivers write them: what their schemes and parameters come to in libpq's words.
//!
//! What stands here is documented by SQLAlchemy, asyncpg, Prisma, pgJDBC, R2DBC, node-postgres, pgx, lib/pq, sqlx, Ecto,
//! Rails, Django (dj-database-url), Doctrine, dbmate and golang-migrate. A parameter of the client's pool or cache means
//! nothing here. One that would make the connection safer, or another one, is taken over or refused, never ignored.

mod clients_own;
mod reading;
mod scheme;
#[cfg(test)]
mod tests;

pub(super) use self::{
    reading::Reading,
    scheme::{is_of_java, of},
};

/// Whose reading of a URL counts where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Libpq,
    /// SQLAlchemy and its kin: `postgresql+asyncpg://`.
    Python,
    /// `jdbc:postgresql://` and its kin.
    Java,
}
