//! What else has a budget than a query: HTTP endpoints, and pages in a real browser. Their definitions, and their
//! clocks; [`crate::command`] judges what these return with the engine that judges queries.

mod browser;
mod client;
mod clock;
mod definition;
mod page;

pub(crate) use self::definition::PAGE_BUDGET;
pub use self::{
    browser::{Browser, Rest, Tab, find_chromium},
    client::{Connection, Trust},
    clock::{Counts, EndpointClock},
    definition::{Endpoint, Page, expanded, parse_header, parse_share, parse_url},
    page::{PageLoad, WINDOW, load_page},
};
