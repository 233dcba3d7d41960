//! The clock on a page: its first load in a browser that has seen nothing yet.

use std::time::Duration;

use serde_json::Value;

use super::{Browser, Page};
use crate::{Error, Result};

/// What a first load took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageLoad {
    /// To the end of the load event.
    pub load: Duration,
    /// To the largest contentful paint; `None`: the browser told of none.
    pub lcp: Option<Duration>,
}

/// Once the load event is over, and what was painted by then is known.
const MEASURE: &str = r#"(async () => {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const navigation = performance.getEntriesByType("navigation")[0];
  while (!navigation.loadEventEnd) await pause(5);
  const painted = [];
  new PerformanceObserver((list) => painted.push(...list.getEntries()))
    .observe({ type: "largest-contentful-paint", buffered: true });
  for (let n = 0; n < 20 && painted.length === 0; n++) await pause(25);
  const last = painted.at(-1);
  return { load: navigation.loadEventEnd, lcp: last ? last.startTime : null, status: navigation.responseStatus };
})()"#;

/// Loads the page in a tab with a profile of its own: no cache, no connection, no cookie of an earlier load.
///
/// # Errors
/// The page cannot be reached, answers with an error, or does not load.
pub async fn load_page(browser: &mut Browser, page: &Page) -> Result<PageLoad> {
    let tab = browser.open().await?;
    let patience = (page.budget * 20).max(Duration::from_secs(30));
    let measured = async {
        browser
            .navigate(&tab, &page.url.to_string(), patience)
            .await?;
        browser.evaluate(&tab, MEASURE).await
    };
    let measured = measured.await;
    browser.close(tab).await?;
    let measured = measured?;
    if let Some(status) = measured["status"].as_u64().filter(|status| *status >= 400) {
        return Err(Error::CannotJudge {
            message: format!("it answered with status {status}"),
            hint: "an error page is fast for the wrong reason".into(),
        });
    }
    let ms = |value: &Value| {
        let ms = value.as_f64().filter(|ms| ms.is_finite() && *ms >= 0.0)?;
        Some(Duration::from_secs_f64(ms / 1000.0))
    };
    Ok(PageLoad {
        load: ms(&measured["load"]).unwrap_or_default(),
        lcp: ms(&measured["lcp"]),
    })
}
