//! Pages: first loads in a real browser, the load event and the largest contentful paint each judged.

use std::time::Duration;

use super::{
    Browser, EndpointTiming, Page, find_chromium,
    page::{WINDOW, load_page},
    timing::{failed, untimed},
};
use crate::{
    Result,
    measure::{CaseSamples, Sample},
    report::timing::{CaseResult, QueryResult},
    stats::{Design, Judge},
};

/// One browser for all of them, a fresh profile for each load. What is wrong with a page stands in its result.
///
/// # Errors
/// There is no browser.
pub async fn time_pages(timing: &EndpointTiming, pages: &[Page]) -> Result<Vec<QueryResult>> {
    let options: &[&str] = if timing.insecure {
        &["--ignore-certificate-errors"]
    } else {
        &[]
    };
    let mut browser = Browser::start_with(&find_chromium()?, options).await?;
    let mut timed = Vec::new();
    for page in pages {
        let request = format!("GET {}", page.url);
        let mut result = untimed(&page.name, request, (page.budget, page.percentile));
        match time_page(timing, &mut browser, page, &mut result.notes).await {
            Ok(cases) => result.cases = cases,
            Err(error) => failed(&mut result, &error),
        }
        result.conclude();
        timed.push(result);
    }
    Ok(timed)
}

async fn time_page(
    timing: &EndpointTiming,
    browser: &mut Browser,
    page: &Page,
    notes: &mut Vec<String>,
) -> Result<Vec<CaseResult>> {
    // Each load is watched for a while after it is over.
    let limits = timing.limits(page.budget + WINDOW, page.percentile);
    // The browser's own first steps are not the page's.
    load_page(browser, page).await?;
    let design = timing.design(page.percentile);
    let mut load = Figure::new(&design);
    let mut lcp = Figure::new(&design);
    let (mut loads, mut unpainted, mut followed, mut restless, mut dialogs) = (0, 0, 0, 0, 0);
    while load.judge.samples() < design.max_samples() && !(load.is_decided() && lcp.is_decided()) {
        let some = load.judge.samples() > 0;
        if some && limits.left().is_zero() {
            load.samples.limit = limits.limit();
            lcp.samples.limit = limits.limit();
            break;
        }
        let loaded = load_page(browser, page).await?;
        loads += 1;
        followed += usize::from(loaded.rest.documents > 1);
        restless += usize::from(!loaded.rest.is_quiet);
        dialogs += loaded.rest.dialogs;
        load.add(loaded.load, page.budget);
        // A page that paints nothing large has only its load to be judged by.
        match loaded.lcp {
            Some(painted) => lcp.add(painted, page.budget),
            None => {
                unpainted += 1;
                lcp.samples.finding = lcp.samples.finding.or(load.samples.finding);
            }
        }
    }
    let mut note = |count: usize, what: &str| {
        if count > 0 {
            notes.push(format!("{count} of {loads} loads {what}"));
        }
    };
    note(
        unpainted,
        "had no largest contentful paint: only their load event is judged",
    );
    note(
        followed,
        "continued to another page by script: timed from the first request to the last page",
    );
    note(
        restless,
        "were measured while requests were still running, because the page never stopped sending them",
    );
    if dialogs > 0 {
        notes.push(format!("{dialogs} dialogs were opened and dismissed"));
    }
    let budget = (page.budget, page.percentile);
    let cases = [("load event", load), ("largest contentful paint", lcp)];
    Ok(cases
        .into_iter()
        .filter_map(|(label, figure)| figure.samples.case(label, Vec::new(), budget, &[]))
        .collect())
}

/// One of a page's figures, and what is found of it so far.
struct Figure<'d> {
    judge: Judge<'d>,
    samples: CaseSamples,
}

impl<'d> Figure<'d> {
    fn new(design: &'d Design) -> Self {
        Self {
            judge: Judge::new(design),
            samples: CaseSamples::default(),
        }
    }

    fn is_decided(&self) -> bool {
        self.samples.finding.is_some()
    }

    fn add(&mut self, took: Duration, budget: Duration) {
        let sample = Sample {
            elapsed: took,
            waited: Duration::ZERO,
            rows: 0,
            timed_out: false,
        };
        self.samples.add(&mut self.judge, sample, budget);
    }
}
