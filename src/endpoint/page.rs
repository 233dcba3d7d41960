//! The clock on a page: its first load in a browser with an empty cache.

use std::time::Duration;

use serde_json::Value;

use super::{Browser, LoadEnd, Page, Tab};
use crate::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PageLoad {
    /// To the end of the load event; of the last page, where a script went on to another.
    pub load: Duration,
    /// To the largest contentful paint; `None`: the browser told of none.
    pub lcp: Option<Duration>,
    /// How the page came to rest.
    pub rest: LoadEnd,
}

/// No request is under way for so long: the network is quiet ...
const QUIET: Duration = Duration::from_millis(500);
/// ... and what scripts show by themselves has so long more, from the load event on. Lighthouse waits likewise, for the
/// network and then for the processor, before it takes the largest contentful paint.
/// <https://github.com/GoogleChrome/lighthouse/blob/main/core/gather/driver/wait-for-condition.js>
pub(super) const WINDOW: Duration = Duration::from_millis(2_000);
/// A page that never comes to rest is measured after so long.
const NEVER_QUIET: Duration = Duration::from_secs(15);

/// Once the page is at rest and the window is over.
const MEASURE: &str = r#"(async (windowMs) => {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const navigation = performance.getEntriesByType("navigation")[0];
  while (!navigation.loadEventEnd) await pause(5);
  const painted = [];
  const note = (list) => painted.push(...list.getEntries());
  const observer = new PerformanceObserver(note);
  observer.observe({ type: "largest-contentful-paint", buffered: true });
  await pause(Math.max(25, navigation.loadEventEnd + windowMs - performance.now()));
  painted.push(...observer.takeRecords());
  const last = painted.at(-1);
  return { load: navigation.loadEventEnd, lcp: last ? last.startTime : null, status: navigation.responseStatus,
           origin: performance.timeOrigin };
})"#;

/// Loads the page in a tab with a profile of its own: no cache, no connection, no cookie of an earlier load.
///
/// # Errors
/// The page cannot be reached, answers with an error, or does not load.
pub(super) async fn load_page(browser: &mut Browser, page: &Page) -> Result<PageLoad> {
    let tab = browser.open().await?;
    let patience = (page.budget * 20).max(Duration::from_secs(30));
    let loaded = measure(browser, &tab, page, patience).await;
    browser.close(tab).await?;
    loaded
}

async fn measure(
    browser: &mut Browser,
    tab: &Tab,
    page: &Page,
    patience: Duration,
) -> Result<PageLoad> {
    browser
        .navigate(tab, &page.url.to_string(), patience)
        .await?;
    let mut rest = browser.settle(tab, QUIET, NEVER_QUIET).await?;
    let expression = format!("{MEASURE}({})", WINDOW.as_millis());
    let mut measured = browser.evaluate(tab, &expression).await;
    // A script that continues to another page ends the running evaluation, or makes it one about a page that is gone.
    for _ in 0..MOST_PAGES {
        let more = browser.settle(tab, Duration::ZERO, Duration::ZERO).await?;
        let went_on = more.documents > 0;
        rest.documents += more.documents;
        rest.dialogs += more.dialogs;
        if !went_on {
            break;
        }
        let more = browser.settle(tab, QUIET, NEVER_QUIET).await?;
        rest.is_quiet = more.is_quiet;
        rest.documents += more.documents;
        rest.dialogs += more.dialogs;
        measured = browser.evaluate(tab, &expression).await;
    }
    let measured = measured?;
    if let Some(status) = measured["status"].as_u64().filter(|status| *status >= 400) {
        return Err(Error::CannotJudge {
            message: format!("the page answered with status {status}"),
            hint: "an error page would make the times meaningless".into(),
        });
    }
    // The clock of a page that a script went on to began later than the user's.
    let before = match (rest.documents, measured["origin"].as_f64(), rest.begun) {
        (2.., Some(origin), Some(begun)) => (origin - begun * 1000.0).max(0.0),
        _ => 0.0,
    };
    let ms = |value: &Value| {
        let ms = value.as_f64().filter(|ms| ms.is_finite() && *ms >= 0.0)?;
        Some(Duration::from_secs_f64((before + ms) / 1000.0))
    };
    Ok(PageLoad {
        load: ms(&measured["load"]).unwrap_or_default(),
        lcp: ms(&measured["lcp"]),
        rest,
    })
}

/// A page that goes on to another for ever is not followed for ever.
const MOST_PAGES: usize = 10;
