//! What `advise` recommends, for people.

mod html;
mod layout;

use super::{Block, Document, Format};
use crate::{Result, report::AdviseResult};

impl Document for AdviseResult {
    fn blocks(&self) -> Vec<Block> {
        layout::blocks(self)
    }

    fn special(&self, format: Format) -> Option<Result<String>> {
        (format == Format::Html).then(|| Ok(html::page(self)))
    }
}
