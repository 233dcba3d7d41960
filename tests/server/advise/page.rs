//! The page, in a browser.

use super::{database, query};
use crate::support::chromium::{Scheme, drive};

#[tokio::test]
async fn the_page_is_readable_by_day_and_night_and_on_a_phone_and_its_statements_can_be_copied() {
    let database = database(
        "CREATE TABLE \"<i>Odd</i>\" (id int, kind int, note text);
         INSERT INTO \"<i>Odd</i>\" SELECT n, n % 5000, repeat('o', 150) FROM generate_series(1, 80000) AS n;
         ALTER TABLE \"<i>Odd</i>\" SET (parallel_workers = 0)",
    )
    .await;
    query(
        &database,
        "queries",
        "odd",
        "-- budget: 1ms p50\n-- param $1: column \"<i>Odd</i>\".kind\nSELECT note FROM \"<i>Odd</i>\" WHERE kind = $1",
    );
    let output = database
        .dbaudit(&["advise", "--queries", "queries", "--format", "html"])
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{page}");
    assert!(!page.contains("<i>"), "{page}");
    assert!(page.contains("CREATE INDEX CONCURRENTLY"), "{page}");
    let script = r##"
        const copied = [];
        Object.defineProperty(navigator, "clipboard",
          { configurable: true, value: { writeText: async (text) => copied.push(text) } });
        const button = document.querySelector(".copy");
        outcome.before = button.textContent;
        button.click();
        await new Promise((done) => setTimeout(done));
        outcome.after = button.textContent;
        outcome.copied = copied;
        outcome.headings = [...document.querySelectorAll("h1, h2")].map((one) => one.textContent);
        outcome.cells = [...document.querySelectorAll("tbody td")].map((cell) => cell.textContent);
    "##;
    for scheme in [Scheme::Light, Scheme::Dark] {
        let Some(outcome) = drive(&page, scheme, script) else {
            return;
        };
        assert_eq!(outcome["before"], "Copy");
        assert_eq!(outcome["after"], "Copied");
        let copied = outcome["copied"][0].as_str().unwrap();
        assert!(
            copied.starts_with("CREATE INDEX CONCURRENTLY")
                && copied.ends_with("ON public.\"<i>Odd</i>\" (kind);"),
            "{copied}"
        );
        assert_eq!(outcome["headings"][0], "Advice");
        let cells = outcome["cells"].to_string();
        assert!(cells.contains("public.<i>Odd</i>"), "{cells}");
    }
}
