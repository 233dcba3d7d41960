//! What `advise` recommends, for people.

mod layout;

use super::{Block, Document, Format, html};
use crate::{Result, report::AdviseResult};

impl Document for AdviseResult {
    fn blocks(&self) -> Vec<Block> {
        layout::blocks(self)
    }

    fn special(&self, format: Format) -> Option<Result<String>> {
        let title = || format!("Advice: {}", self.verdict.as_str());
        (format == Format::Html).then(|| {
            Ok(html::page(
                &title(),
                &html::blocks(&self.blocks()),
                &[html::COPY],
            ))
        })
    }
}
