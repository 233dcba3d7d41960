//! `apply-indexes` under faults: whatever happens to it, to the server or beside it, the end is the same.

mod matrix;
mod scene;
