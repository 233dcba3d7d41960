//! Query files, and where their parameters come from.
