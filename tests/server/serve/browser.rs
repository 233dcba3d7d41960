//! A page that includes the snippet, and the dashboard that shows what it told: both in a real browser.

use std::time::Duration;

use dbaudit::endpoint::{Browser, Tab, find_chromium};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Serving, beacon, web};
use crate::support::{self, Template};

const PATIENCE: Duration = Duration::from_secs(60);

/// The browser; nothing where there is none and none is required.
pub async fn browser() -> Option<Browser> {
    if let Some(named) = std::env::var_os("DBAUDIT_TEST_CHROMIUM") {
        return Some(Browser::start(named.as_ref()).await.unwrap());
    }
    match find_chromium() {
        Ok(path) => Some(Browser::start(&path).await.unwrap()),
        Err(error) => {
            let required = std::env::var_os("DBAUDIT_TEST_REQUIRE").is_some();
            assert!(!required, "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// An application with one page, a fast call, a slow one and one that fails.
async fn application(vitals: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let page = format!(
        r#"<!doctype html><html><head><title>app</title><script src="http://{vitals}/vitals.js" crossorigin></script></head>
        <body><h1>An article</h1><button id="b">go</button><script>
          window.seen = [];
          addEventListener("unhandledrejection", (event) => seen.push("rejection"));
          const go = async () => {{
            const answer = await fetch("/api/items/7?token=hunter2");
            window.answer = await answer.text();
            await fetch("/api/slow", {{ method: "POST" }});
            await fetch("/api/broken");
            window.done = true;
          }};
          go();
          setTimeout(() => {{ throw new Error("planted hunter2"); }}, 10);
          fetch("http://127.0.0.1:1/refused");
        </script></body></html>"#
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let page = page.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let (status, body) = match request.split(' ').nth(1).unwrap_or("") {
                    "/articles/42" => ("200 OK", page),
                    "/api/slow" => {
                        tokio::time::sleep(Duration::from_millis(2_200)).await;
                        ("200 OK", "slow".to_owned())
                    }
                    "/api/broken" => ("500 Broken", "broken".to_owned()),
                    _ => ("200 OK", "an item".to_owned()),
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    format!("http://{address}/articles/42")
}

/// Evaluates until it is true.
async fn until(browser: &mut Browser, tab: &Tab, condition: &str) {
    let begun = std::time::Instant::now();
    loop {
        match browser.evaluate(tab, condition).await {
            Ok(Value::Bool(true)) => return,
            Ok(_) => {}
            // Another page is about to take its place.
            Err(error) if error.to_string().contains("navigated") => {}
            Err(error) => panic!("{condition}: {error}"),
        }
        let text = "document.body.innerText";
        if begun.elapsed() > PATIENCE {
            panic!(
                "{condition}: {}",
                browser.evaluate(tab, text).await.unwrap()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_measures_is_seen_on_the_dashboard_and_the_page_is_not_disturbed() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let serving = Serving::on("postgres://ann@127.0.0.1:1/x", "");
    let url = application(&serving.address).await;
    let told = |visits: u32, vitals: &Value| {
        let endpoints = vitals["endpoints"].as_array();
        let called = |list: &Vec<Value>| {
            list.len() == 4 && list.iter().all(|endpoint| endpoint["calls"] == visits)
        };
        vitals["pages"][0]["errors"] == visits * 2
            && endpoints.is_some_and(called)
            && !vitals["pages"][0]["lcp_p75_ms"].is_null()
    };
    // Three visits: fewer are an anecdote.
    for visit in 1..=3 {
        let tab = browser.open().await.unwrap();
        browser.navigate(&tab, &url, PATIENCE).await.unwrap();
        let click = "document.getElementById('b').click(); true";
        browser.evaluate(&tab, click).await.unwrap();
        until(&mut browser, &tab, "window.done === true").await;
        // The page's own: its answers, and its rejection that nobody caught.
        let own = "({answer: window.answer, seen: window.seen})";
        let own = browser.evaluate(&tab, own).await.unwrap();
        assert_eq!(own, json!({"answer": "an item", "seen": ["rejection"]}));
        let away = browser.navigate(&tab, "about:blank", PATIENCE).await;
        away.unwrap();
        // The tab has a profile of its own, and what is under way ends with it.
        let vitals = |vitals: &Value| told(visit, vitals);
        tokio::task::block_in_place(|| serving.await_json("/api/vitals", vitals));
        browser.close(tab).await.unwrap();
    }
    let vitals = serving.json("/api/vitals");
    let page = &vitals["pages"][0];
    assert_eq!(page["page"], "/articles/:id", "{vitals:#}");
    assert_eq!(page["loads"], 3, "{vitals:#}");
    assert!(page["load_p75_ms"].as_f64().unwrap() > 0.0, "{vitals:#}");
    assert_eq!(page["interactions"], 3, "{vitals:#}");
    let endpoint = |name: &str| {
        let list = vitals["endpoints"].as_array().unwrap();
        let found = list.iter().find(|endpoint| endpoint["endpoint"] == name);
        found
            .unwrap_or_else(|| panic!("{name}: {vitals:#}"))
            .clone()
    };
    let slow = endpoint("POST /api/slow");
    assert_eq!((&slow["slow"], &slow["failed"]), (&json!(3), &json!(0)));
    assert!(slow["p95_ms"].as_f64().unwrap() > 2_000.0, "{slow}");
    assert_eq!(endpoint("GET /api/broken")["failed"], 3);
    assert_eq!(endpoint("GET /api/items/:id")["failed"], 0);
    assert_eq!(endpoint("GET 127.0.0.1:1/refused")["failed"], 3);
    assert!(!vitals.to_string().contains("hunter2"), "{vitals}");

    let tab = browser.open().await.unwrap();
    let dashboard = format!("http://{}/", serving.address);
    browser.navigate(&tab, &dashboard, PATIENCE).await.unwrap();
    let shown = r#"[...document.querySelectorAll(".card.over")].some((card) =>
        card.innerText.includes("POST /api/slow") && card.innerText.includes("over budget"))"#;
    until(&mut browser, &tab, shown).await;
    let listed = r##"document.querySelector("#pages").innerText.includes("/articles/:id")"##;
    until(&mut browser, &tab, listed).await;
}

/// Texts below the contrast that WCAG 2 asks for (4.5 : 1).
const TOO_PALE: &str = r#"(() => {
  const rgba = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = rgba(getComputedStyle(at).backgroundColor);
      if (alpha > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return [...document.body.querySelectorAll("*")]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((element) => element.checkVisibility() && contrast(element) < 4.5)
    .map((element) => `${element.className || element.tagName}: ${element.textContent.trim().slice(0, 40)}`);
})()"#;

/// A tab of this width, whose reader prefers this scheme.
async fn screen(browser: &mut Browser, scheme: &str, width: u32) -> Tab {
    let tab = browser.open().await.unwrap();
    let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    let size =
        json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
    for (method, parameters) in [
        ("Emulation.setEmulatedMedia", media),
        ("Emulation.setDeviceMetricsOverride", size),
    ] {
        browser.ask(&tab, method, parameters).await.unwrap();
    }
    tab
}

/// It is readable, fits its width, and axe-core has nothing to object to.
async fn look(browser: &mut Browser, tab: &Tab, name: &str) {
    let styled = "document.readyState === 'complete' && document.styleSheets.length > 0";
    until(browser, tab, styled).await;
    // What is selected is not replaced while it is looked at.
    let hold = "getSelection().selectAllChildren(document.querySelector('h1')), null";
    browser.evaluate(tab, hold).await.unwrap();
    if let Some(folder) = std::env::var_os("DBAUDIT_TEST_SCREENSHOTS") {
        let whole = json!({"captureBeyondViewport": true});
        let shot = browser.ask(tab, "Page.captureScreenshot", whole).await;
        let file = std::path::Path::new(&folder).join(format!("{name}.png.base64"));
        std::fs::write(file, shot.unwrap()["data"].as_str().unwrap()).unwrap();
    }
    let pale = browser.evaluate(tab, TOO_PALE).await.unwrap();
    assert_eq!(pale, json!([]), "{name}");
    let wide = "document.documentElement.scrollWidth > innerWidth";
    let wide = browser.evaluate(tab, wide).await.unwrap();
    assert_eq!(wide, false, "{name}");
    let Some(axe) = web::text("axe-core/axe.min.js") else {
        return;
    };
    browser
        .evaluate(tab, &format!("{axe}; null"))
        .await
        .unwrap();
    let run = "axe.run().then(({ violations, passes }) => ({ passes: passes.length, violations: violations.map((one) =>
        [one.id, one.help, ...one.nodes.map((node) => node.html)]) }))";
    let found = browser.evaluate(tab, run).await.unwrap();
    assert_eq!(found["violations"], json!([]), "{name}");
    assert!(found["passes"].as_u64().unwrap() > 10, "{name}: {found}");
    let go_on = "getSelection().removeAllRanges(), null";
    browser.evaluate(tab, go_on).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_live_readable_in_light_and_dark_and_fits_a_phone() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
             CREATE TABLE \"<img src=x onerror=alert(1)>\" (n int8)",
        )
        .await
        .unwrap();
    // Again and again: other tests' statements push it out of the server's pg_stat_statements.
    let sleeper = database.client().await;
    tokio::spawn(
        async move { while sleeper.batch_execute("SELECT pg_sleep(0.15)").await.is_ok() {} },
    );
    let serving = Serving::on(&database.url, "");
    tokio::task::block_in_place(|| serving.await_points(2));
    for (scheme, width) in [
        ("light", 1200),
        ("dark", 1200),
        ("light", 390),
        ("dark", 390),
    ] {
        let tab = screen(&mut browser, scheme, width).await;
        let watch = r#"window.wrong = [];
            addEventListener("error", (event) => wrong.push(String(event.message)), true);
            addEventListener("unhandledrejection", (event) => wrong.push(String(event.reason)));
            addEventListener("securitypolicyviolation", (event) => wrong.push("would load " + event.blockedURI));"#;
        let watch = json!({"source": watch});
        browser
            .ask(&tab, "Page.addScriptToEvaluateOnNewDocument", watch)
            .await
            .unwrap();
        let dashboard = format!("http://{}/", serving.address);
        browser.navigate(&tab, &dashboard, PATIENCE).await.unwrap();
        until(
            &mut browser,
            &tab,
            r#"document.body.innerText.includes("Tables growing fastest")"#,
        )
        .await;
        let slow = r##"document.querySelector("#databases").innerText.includes("pg_sleep")"##;
        until(&mut browser, &tab, slow).await;
        look(&mut browser, &tab, &format!("live-{scheme}-{width}")).await;
        let elsewhere = r#"performance.getEntriesByType("resource").map((e) => e.name)
            .filter((name) => !name.startsWith(location.origin))"#;
        assert_eq!(browser.evaluate(&tab, elsewhere).await.unwrap(), json!([]));
        assert_eq!(
            browser
                .evaluate(&tab, "document.images.length")
                .await
                .unwrap(),
            0
        );
        assert_eq!(
            browser.evaluate(&tab, "wrong").await.unwrap(),
            json!([]),
            "{scheme} {width}"
        );
        browser.close(tab).await.unwrap();
    }
    // Live: a table that appears is seen without a reload.
    let tab = browser.open().await.unwrap();
    let dashboard = format!("http://{}/", serving.address);
    browser.navigate(&tab, &dashboard, PATIENCE).await.unwrap();
    until(
        &mut browser,
        &tab,
        r#"document.body.innerText.includes("of 100")"#,
    )
    .await;
    browser.evaluate(&tab, "window.same = true").await.unwrap();
    client
        .batch_execute("CREATE TABLE lately (n int8 NOT NULL); INSERT INTO lately SELECT generate_series(1, 5000)")
        .await
        .unwrap();
    until(
        &mut browser,
        &tab,
        r#"document.body.innerText.includes("public.lately")"#,
    )
    .await;
    assert_eq!(browser.evaluate(&tab, "window.same").await.unwrap(), true);
}

/// Three views of a page that is slow to paint, slow to answer, and shifts.
fn tell_of_a_poor_page(serving: &Serving) {
    for view in ["a1", "a2", "a3"] {
        let body = format!(
            r#"{{"page":"/poor","v":"{view}","load":700,"ttfb":90,"fcp":900,"lcp":4100,"inp":260,"cls":0.31,
                "fetches":[{{"m":"GET","u":"/api/x","s":200,"d":40}}],"end":1}}"#
        );
        assert_eq!(beacon(&serving.address, &body).status, 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_verdict_stands_on_top_with_the_broken_first_and_findings_with_their_remedies() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    client
        .batch_execute("CREATE TABLE twice (n int8 NOT NULL); CREATE INDEX one ON twice (n); CREATE INDEX two ON twice (n)")
        .await
        .unwrap();
    let config = format!(
        "[[database]]\nname = \"main\"\nurl = \"{}\"\n[[database]]\nname = \"gone\"\nurl = \"postgres://ann@127.0.0.1:1/x\"\n",
        database.url
    );
    let serving = Serving::start(&config, &["--listen", "127.0.0.1:0"]);
    tokio::task::block_in_place(|| {
        tell_of_a_poor_page(&serving);
        serving.await_points(2)
    });
    let overview = serving.json("/api/overview");
    let states: Vec<&str> = overview["budgets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reading| reading["state"].as_str().unwrap())
        .collect();
    // Whatever the machine and the database's own queries are like, the page is over three of its budgets.
    let broken = states.iter().filter(|state| **state == "over").count();
    assert!(broken >= 3, "{overview:#}");
    assert_eq!(states[0], "down", "{overview:#}");
    assert!(states[1..=broken].iter().all(|state| *state == "over"));
    let sentence = format!(
        "{broken} of {} budgets exceeded; 1 database down",
        states.len()
    );
    assert_eq!(overview["verdict"]["sentence"], sentence);

    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 390)] {
        let tab = screen(&mut browser, scheme, width).await;
        let dashboard = format!("http://{}/", serving.address);
        browser.navigate(&tab, &dashboard, PATIENCE).await.unwrap();
        // Both are asked again and again until they are of one moment.
        let same = r#"fetch("/api/overview").then((r) => r.json()).then(({ verdict: { sentence } }) =>
            sentence.endsWith("budgets exceeded; 1 database down") && document.getElementById("verdict").textContent === sentence
            && document.title === `${sentence} – dbaudit`)"#;
        until(&mut browser, &tab, same).await;
        let first = r##"document.querySelector("#budgets .card").innerText.includes("gone")
            && document.querySelectorAll("#budgets .card").length >= 4"##;
        until(&mut browser, &tab, first).await;
        // Percentiles are interpolated: the words are as the figures that were told.
        let marked = r##"[...document.querySelectorAll("#pages td .poor, #pages td .fair")].map((one) => one.textContent.split(" ").pop())"##;
        assert_eq!(
            browser.evaluate(&tab, marked).await.unwrap(),
            json!(["poor", "over", "poor"])
        );
        // Before any details: the verdict, and on a screen that is wide enough all budgets and the findings.
        let below =
            |id: &str| format!("document.getElementById('{id}').getBoundingClientRect().top");
        let top = browser.evaluate(&tab, &below("verdict")).await.unwrap();
        assert!(top.as_f64().unwrap() < 150.0, "{top}");
        let top = browser.evaluate(&tab, &below("h-findings")).await.unwrap();
        assert!(width < 500 || top.as_f64().unwrap() < 900.0, "{top}");
        look(&mut browser, &tab, &format!("broken-{scheme}-{width}")).await;
        // Everything opened.
        let open = "document.querySelectorAll('details').forEach((one) => { one.open = true; })";
        browser.evaluate(&tab, open).await.unwrap();
        look(&mut browser, &tab, &format!("open-{scheme}-{width}")).await;
        browser.close(tab).await.unwrap();
    }

    // What a reader opened stays open, and the focus where it was, when the page is refreshed.
    let tab = screen(&mut browser, "light", 1280).await;
    let dashboard = format!("http://{}/", serving.address);
    browser.navigate(&tab, &dashboard, PATIENCE).await.unwrap();
    let there = r##"[...document.querySelectorAll(".finding")].some((one) => one.textContent.includes("DROP INDEX CONCURRENTLY"))"##;
    until(&mut browser, &tab, there).await;
    let open = r##"(() => {
        window.copied = [];
        Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async (text) => copied.push(text) } });
        const one = [...document.querySelectorAll(".finding")].find((one) => one.textContent.includes("DROP INDEX CONCURRENTLY"));
        for (let at = one; at; at = at.parentElement.closest("details")) at.open = true;
        window.old = one;
        const button = one.querySelector(".copy");
        button.focus();
        button.click();
    })()"##;
    browser.evaluate(&tab, open).await.unwrap();
    until(&mut browser, &tab, "!old.isConnected").await;
    let kept = r##"(() => {
        const one = document.activeElement.closest(".finding");
        return [one.open, document.activeElement.className, copied.length === 1 && one.textContent.includes(copied[0])];
    })()"##;
    assert_eq!(
        browser.evaluate(&tab, kept).await.unwrap(),
        json!([true, "copy", true])
    );
    // A gap is one only after a first value.
    let gaps = r##"[[null, null, 5, null, 7, null], [1, 2, 3], [null, 1, 2]].map((points) =>
        trend(points, 0, "x").querySelectorAll(".gap").length)"##;
    assert_eq!(
        browser.evaluate(&tab, gaps).await.unwrap(),
        json!([2, 0, 0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_token_is_asked_for_it_on_a_page_like_the_others() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let serving = Serving::on(
        "postgres://ann@127.0.0.1:1/x",
        "[serve]\ntoken = \"hunter2\"",
    );
    for (scheme, width) in [
        ("light", 1280),
        ("dark", 1280),
        ("light", 390),
        ("dark", 390),
    ] {
        let tab = screen(&mut browser, scheme, width).await;
        let page = format!("http://{}/", serving.address);
        browser.navigate(&tab, &page, PATIENCE).await.unwrap();
        let styled =
            "getComputedStyle(document.querySelector('.sign-in main')).borderRadius !== '0px'";
        until(&mut browser, &tab, styled).await;
        look(&mut browser, &tab, &format!("sign-in-{scheme}-{width}")).await;
        let give = |token: &str| {
            format!("token.value = '{token}'; document.querySelector('button').click(); null")
        };
        browser.evaluate(&tab, &give("hunter3")).await.unwrap();
        let told = "document.getElementById('wrong')?.textContent.includes('The token is wrong')";
        until(&mut browser, &tab, told).await;
        look(
            &mut browser,
            &tab,
            &format!("sign-in-wrong-{scheme}-{width}"),
        )
        .await;
        browser.evaluate(&tab, &give("hunter2")).await.unwrap();
        let shown = "document.getElementById('verdict')?.textContent.endsWith('1 database down')";
        until(&mut browser, &tab, shown).await;
        browser.close(tab).await.unwrap();
    }
}
