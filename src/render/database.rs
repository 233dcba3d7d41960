//! The formats of `report` that need more than blocks: one file each, all given the same reports.

mod csv;
mod html;
mod junit;
mod layout;
mod prometheus;
mod sarif;
#[cfg(test)]
mod tests;

use super::{Block, Document, Exposition, Format};
use crate::{
    Result,
    report::{DatabaseReport, ReportSet},
};

impl Document for DatabaseReport {
    fn blocks(&self) -> Vec<Block> {
        self.all_blocks()
    }

    fn special(&self, format: Format) -> Option<Result<String>> {
        special(std::slice::from_ref(self), format)
    }
}

impl Document for ReportSet {
    fn blocks(&self) -> Vec<Block> {
        self.0.iter().flat_map(DatabaseReport::blocks).collect()
    }

    fn special(&self, format: Format) -> Option<Result<String>> {
        special(&self.0, format)
    }
}

/// The reports in `format`; `None` for one that blocks or their own serialisation give.
fn special(reports: &[DatabaseReport], format: Format) -> Option<Result<String>> {
    match format {
        Format::Csv => Some(Ok(csv::render(reports))),
        Format::Junit => Some(junit::render(reports)),
        Format::Sarif => Some(sarif::render(reports)),
        Format::Prometheus => {
            let mut text = Exposition::default();
            write_prometheus(&reports.iter().collect::<Vec<_>>(), &mut text);
            Some(Ok(text.into_text()))
        }
        Format::Html => Some(Ok(html::render(reports))),
        Format::Table | Format::Json | Format::JsonLines | Format::Markdown => None,
    }
}

pub fn write_prometheus(reports: &[&DatabaseReport], text: &mut Exposition) {
    prometheus::write(reports, text);
}
