//! What else has a budget than a query: pages, in a real browser.

mod browser;

pub use self::browser::{Browser, Tab, find_chromium};
