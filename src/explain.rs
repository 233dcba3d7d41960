//! PURE: the server's plan (`EXPLAIN … FORMAT JSON`) → a tree, its fingerprint, its costliest node, and
//! why it costs what it costs.

mod fingerprint;
mod node;
mod reason;
mod tree;

pub use self::{
    fingerprint::fingerprint,
    node::{Basis, Node, QueryPlan},
    reason::reasons,
    tree::tree,
};
