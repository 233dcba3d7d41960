//! `dbaudit serve`: the whole stack against its budgets, live. An axum application over its own accept loop.
//!
//! | file | what is in it |
//! | --- | --- |
//! | [`track`] | the request-tracking layer, for any axum application: see [`RequestTracking`] |
//! | `app`, `routes` | what the handlers share, and the handlers |
//! | `collect`, `history`, `digest` | each database's facts every interval, a day of them in memory |
//! | `access`, `rate`, `redact` | who may ask, how often, and what is never shown |
//! | `budget`, `overview` | everything measured, held against its budget |
//! | `host_watch`, `notify` | the machine or container; the webhook for exceeded budgets |
//! | `api_watch`, `samples` | what an application says of its own requests |
//! | `store`, `metrics_text` | what `metrics` macros count, and all of it as Prometheus text |
//! | `listen` | connections: their number, their patience, their end |
//!
//! Memory is bounded everywhere: a day of points per database, a fixed number of series of each kind and of addresses
//! remembered. What an unknown client sends decides no size.

mod access;
mod api_watch;
mod app;
mod budget;
mod collect;
mod digest;
mod history;
mod host_watch;
mod listen;
mod metrics_text;
mod notify;
mod overview;
mod process;
mod rate;
mod redact;
mod request_stats;
mod routes;
mod samples;
mod store;
pub mod track;
mod vitals;

pub use self::{
    app::App,
    listen::{Listener, serve},
    request_stats::{RequestFigures, RequestStats},
    track::RequestTracking,
};
