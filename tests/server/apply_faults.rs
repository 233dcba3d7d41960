//! `apply-indexes` under faults: whatever happens to it, to the server or beside it, the end is the same.

mod beside;
mod disk;
mod limits;
mod matrix;
pub mod scene;
mod shapes;
