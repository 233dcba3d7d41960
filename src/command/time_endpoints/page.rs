//! Pages: first loads in a real browser, the load event and the largest contentful paint each judged.

use std::time::Duration;

use super::{Run, failed, untimed};
use crate::{
    Result,
    command::sampling::in_ms,
    endpoint::{Browser, Page, WINDOW, find_chromium, load_page},
    report::timing::{CaseResult, QueryResult, Verdict},
    stats::{Decision, Design, SequentialTest, Summary},
};

/// One browser for all of them, a fresh profile for each load.
pub(super) async fn time_pages(run: &Run<'_>, pages: &[Page]) -> Result<Vec<QueryResult>> {
    let options: &[&str] = if run.settings.insecure {
        &["--ignore-certificate-errors"]
    } else {
        &[]
    };
    let mut browser = Browser::start_with(&find_chromium()?, options).await?;
    let mut timed = Vec::new();
    for page in pages {
        let request = format!("GET {}", page.url);
        let mut result = untimed(&page.name, request, page.budget, page.percentile);
        match time_page(run, &mut browser, page, &mut result.notes).await {
            Ok(cases) => result.cases = cases,
            Err(error) => failed(&mut result, &error),
        }
        result.conclude();
        timed.push(result);
    }
    Ok(timed)
}

async fn time_page(
    run: &Run<'_>,
    browser: &mut Browser,
    page: &Page,
    notes: &mut Vec<String>,
) -> Result<Vec<CaseResult>> {
    // Each load is watched for a while after it is over.
    let until = run.until(page.budget + WINDOW, page.percentile);
    // The browser's own first steps are not the page's.
    load_page(browser, page).await?;
    let design = run.design(page.percentile);
    let mut load = Judged::new(&design);
    let mut lcp = Judged::new(&design);
    let (mut loads, mut unpainted, mut followed, mut restless, mut dialogs) = (0, 0, 0, 0, 0);
    while load.test.samples() < design.max_samples() && !(load.is_decided() && lcp.is_decided()) {
        let some = load.test.samples() > 0;
        if some && until.left().is_zero() {
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
                lcp.decision = lcp.decision.or(load.decision);
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
    let cases = [("load event", load), ("largest contentful paint", lcp)];
    Ok(cases
        .into_iter()
        .filter_map(|(label, judged)| judged.case(label, page))
        .collect())
}

/// One of a page's figures, and what is decided of it so far.
struct Judged<'d> {
    test: SequentialTest<'d>,
    times: Vec<f64>,
    decision: Option<Decision>,
}

impl<'d> Judged<'d> {
    fn new(design: &'d Design) -> Self {
        Self {
            test: SequentialTest::new(design),
            times: Vec::new(),
            decision: None,
        }
    }

    fn is_decided(&self) -> bool {
        self.decision.is_some()
    }

    fn add(&mut self, took: Duration, budget: Duration) {
        // The first decision stands: the test's error holds for it.
        let decision = self.test.observe(took > budget);
        self.decision = self.decision.or(decision);
        self.times.push(in_ms(took));
    }

    fn case(self, label: &str, page: &Page) -> Option<CaseResult> {
        let summary = Summary::of(&self.times, page.percentile)?;
        let verdict = match self.decision {
            Some(Decision::Within) => Verdict::Within,
            Some(Decision::Over) => Verdict::Over,
            None => Verdict::Inconclusive,
        };
        let mut case =
            CaseResult::new(label.to_owned(), Vec::new(), verdict, &summary, &self.times);
        case.exceedances = self.test.exceedances();
        if self.decision.is_none() {
            case.reason = Some(format!(
                "{} of {} loads exceed the budget: not enough to tell whether {} is within it (limit reached)",
                case.exceedances,
                self.times.len(),
                page.percentile
            ));
        }
        Some(case)
    }
}
