//! What the server holds: one file per entity, with its `.sql` files and the only row mapping.

mod name;

pub use self::name::{QualifiedName, quote_identifier, quote_literal};
