//! What else has a budget than a query: HTTP endpoints, and pages in a real browser. Their definitions, and their
//! clocks; what these return is judged by the engine that judges queries.

mod browser;
mod client;
mod clock;
mod definition;
mod page;
mod time_endpoint;
mod time_page;
mod timing;

pub(crate) use self::definition::PAGE_BUDGET;
pub use self::{
    browser::{Browser, LoadEnd, Tab, find_chromium},
    client::{Connection, Trust},
    clock::{Counts, EndpointClock},
    definition::{Endpoint, Page, expanded, parse_header, parse_share, parse_url},
    time_endpoint::time_endpoint,
    time_page::time_pages,
    timing::EndpointTiming,
};
