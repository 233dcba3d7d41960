//! What `time-queries` and `time-endpoints` found out, in the formats that need more than their serialisation.

mod annotations;
mod blocks;
mod html;
mod junit;
mod planned;
mod strip;
mod verdict;

use super::{Block, Document, Format};
use crate::{Result, report::TimingResult};

impl Document for TimingResult {
    fn blocks(&self) -> Vec<Block> {
        blocks::blocks(self)
    }

    fn special(&self, format: Format) -> Option<Result<String>> {
        match format {
            Format::Junit => Some(junit::junit(self)),
            Format::Html => Some(Ok(html::page(self))),
            _ => None,
        }
    }
}

impl TimingResult {
    /// The heading of what people read.
    fn title(&self) -> &'static str {
        if self.command == "time-endpoints" {
            "Endpoint timing"
        } else {
            "Query timing"
        }
    }
}
