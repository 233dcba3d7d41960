//! The report's page in a real browser: what a reader clicks does what it promises. No server needed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests fail by panicking, and nothing here is for others"
)]

#[path = "support/chromium.rs"]
mod chromium;

use std::process::Command;

use serde_json::json;

use chromium::{Scheme, drive};

/// Of facts in a file: a table whose name has markup in it, an invalid index, and one that is there twice.
fn page() -> String {
    page_of(FACTS)
}

const FACTS: &str = include_str!("../src/render/database/facts.json");

fn page_of(facts: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("facts.json");
    std::fs::write(&file, facts).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dbaudit"))
        .args(["report", "--format", "html", "--from"])
        .arg(file)
        .args(["--fail-on", "never"])
        .current_dir(folder.path())
        .env_remove("DBAUDIT_CONFIG")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_click_sorts_figures_as_figures_and_a_second_click_turns_them_round() {
    let script = r##"
        const column = (section, title) => {
          const table = document.querySelector(`#${section} table`);
          const at = [...table.querySelectorAll("th")].findIndex((th) => th.textContent === title);
          const cells = () => [...table.tBodies[0].rows].map((row) => row.cells[at].textContent.trim());
          const head = table.querySelectorAll("th")[at];
          const seen = [];
          for (let n = 0; n < 2; n++) {
            head.querySelector("button").click();
            seen.push([head.ariaSort, cells()]);
          }
          return seen;
        };
        outcome.before = document.querySelector("#tables td").textContent;
        outcome.sizes = column("indexes", "size");
        outcome.names = column("tables", "table");
        outcome.others = [...document.querySelectorAll("#tables th")].filter((th) => th.ariaSort !== "none").length;
    "##;
    let Some(outcome) = drive(&page(), Scheme::Light, script) else {
        return;
    };
    assert_eq!(outcome["before"], "public.users", "the largest first");
    // As texts, "720 kB" > "184 kB" > "104 kB" too; "1,000" and "0" scans tell the two apart.
    // As texts, 88 would be more than 136.
    let sizes = ["136 kB", "136 kB", "136 kB", "88.0 kB", "40.0 kB", "0 B"];
    let mut rising = sizes;
    rising.reverse();
    assert_eq!(
        outcome["sizes"],
        json!([["descending", sizes], ["ascending", rising]])
    );
    assert_eq!(outcome["names"][0][0], "ascending", "names from the first");
    let first = outcome["names"][0][1][0].as_str().unwrap();
    assert!(first.starts_with("public.measurement"), "{first}");
    assert_eq!(outcome["names"][1][1][0], "public.users");
    assert_eq!(outcome["others"], 1, "only the last one sorts");
}

#[test]
fn the_copy_button_puts_the_remedy_on_the_clipboard_and_says_so() {
    let script = r##"
        const finding = [...document.querySelectorAll(".finding")]
          .find((one) => one.querySelector("summary code").textContent === "invalid-index");
        const button = finding.querySelector(".copy");
        const clipboard = (writeText) =>
          Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText } });
        const copied = [];
        clipboard(async (text) => copied.push(text));
        button.click();
        await new Promise((done) => setTimeout(done));
        outcome.copied = copied;
        outcome.label = button.textContent;
        await new Promise((done) => setTimeout(done, 2000));
        outcome.later = button.textContent;
        // Where a page may not use the clipboard, the statement is there to copy by hand.
        clipboard(async () => { throw new Error("not allowed"); });
        document.execCommand = () => false;
        button.click();
        await new Promise((done) => setTimeout(done));
        outcome.selected = getSelection().toString();
        outcome.refused = button.textContent;
    "##;
    let Some(outcome) = drive(&page(), Scheme::Dark, script) else {
        return;
    };
    let remedy = "REINDEX INDEX CONCURRENTLY public.broken;";
    assert_eq!(outcome["copied"], json!([remedy]));
    assert_eq!(
        (&outcome["label"], &outcome["later"]),
        (&json!("Copied"), &json!("Copy"))
    );
    assert_eq!(
        (&outcome["selected"], &outcome["refused"]),
        (&json!(remedy), &json!("Selected"))
    );
}

/// Where the bytes are is drawn to scale, and is told to who cannot see it.
#[test]
fn the_bars_are_as_long_as_their_tables_are_large() {
    let script = r##"
        const section = [...document.querySelectorAll("section")]
          .find((one) => one.querySelector("h2").textContent === "Disk usage");
        const width = (element) => element.getBoundingClientRect().width;
        const color = (element) => getComputedStyle(element).backgroundColor;
        outcome.bars = [...section.querySelectorAll(".bar")].map((bar) => ({
          name: bar.previousElementSibling.textContent,
          size: bar.nextElementSibling.textContent,
          told: bar.getAttribute("aria-label"),
          share: [...bar.children].reduce((sum, part) => sum + width(part), 0) / width(bar),
          heap: width(bar.querySelector(".heap")) / width(bar),
        }));
        outcome.key = [...section.querySelectorAll(".key")].map(color);
        outcome.drawn = [".heap", ".toast", ".index"].map((kind) => color(section.querySelector(`.bar ${kind}`)));
        const mix = [...document.querySelectorAll("#tables .mix .bar")];
        outcome.mix = mix.map((bar) => [bar.getAttribute("aria-label"), width(bar.querySelector(".index")) / width(bar)]);
    "##;
    for scheme in [Scheme::Light, Scheme::Dark] {
        let Some(outcome) = drive(&page(), scheme, script) else {
            return;
        };
        let bars = outcome["bars"].as_array().unwrap();
        assert_eq!(bars[0]["name"], "public.users", "the largest first");
        let kilobytes = |bar: &serde_json::Value| -> f64 {
            let size = bar["size"].as_str().unwrap();
            size.strip_suffix(" kB").unwrap().parse().unwrap()
        };
        let near = |a: f64, b: f64| (a - b).abs() < 0.02;
        let largest = kilobytes(&bars[0]);
        for bar in bars {
            let share = bar["share"].as_f64().unwrap();
            assert!(near(share, kilobytes(bar) / largest), "{bar}");
            let told = bar["told"].as_str().unwrap();
            assert!(
                told.starts_with("rows ") && told.contains("indexes "),
                "{told}"
            );
        }
        assert!(bars.len() >= 3 && bars[0]["heap"].as_f64().unwrap() > 0.1);
        assert_eq!(
            outcome["key"], outcome["drawn"],
            "the key says what is drawn"
        );
        let drawn = outcome["drawn"].as_array().unwrap();
        assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2] && drawn[0] != drawn[2]);
        for mix in outcome["mix"].as_array().unwrap() {
            let said: f64 = mix[0]
                .as_str()
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert!(near(mix[1].as_f64().unwrap(), said / 100.0), "{mix}");
        }
    }
}

/// As wide as the narrow phones are, with the longest names that the server allows, nothing scrolls sideways but the
/// tables within themselves.
#[test]
fn a_phone_never_scrolls_sideways_however_long_the_names_are() {
    let script = r#"
        const frame = document.createElement("iframe");
        frame.style = "width: 390px; height: 800px; border: 0";
        const loaded = new Promise((done) => frame.addEventListener("load", done, { once: true }));
        const page = document.documentElement.cloneNode(true);
        page.querySelectorAll("script").forEach((script) => script.remove());
        page.querySelectorAll("details").forEach((details) => { details.open = true; });
        frame.srcdoc = page.outerHTML;
        document.body.append(frame);
        await loaded;
        const seen = frame.contentDocument;
        outcome.narrow = seen.defaultView.matchMedia("(max-width: 40rem)").matches;
        const sideways = () => seen.scrollingElement.scrollWidth - seen.scrollingElement.clientWidth;
        outcome.sideways = sideways();
        const careless = seen.createElement("style");
        careless.textContent = "* { overflow-wrap: normal !important; }";
        seen.head.append(careless);
        outcome.careless = sideways();
        outcome.names = seen.body.textContent.includes("LONG");
        frame.remove();
    "#;
    let mut facts: serde_json::Value = serde_json::from_str(FACTS).unwrap();
    lengthen(&mut facts);
    let page = page_of(&facts.to_string().replace("long", "LONG"));
    let Some(outcome) = drive(&page, Scheme::Light, script) else {
        return;
    };
    assert_eq!(outcome["narrow"], true, "{outcome:#}");
    assert_eq!(outcome["sideways"], 0, "{outcome:#}");
    assert!(outcome["careless"].as_i64().unwrap() > 0, "{outcome:#}");
    assert_eq!(outcome["names"], true);
}

/// Every name becomes one word of 63 letters.
fn lengthen(facts: &mut serde_json::Value) {
    match facts {
        serde_json::Value::Array(all) => all.iter_mut().for_each(lengthen),
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    serde_json::Value::String(name)
                        if ["name", "schema", "text"].contains(&key.as_str()) =>
                    {
                        *name = format!("{name}{}", "long".repeat(16))
                            .chars()
                            .take(63)
                            .collect();
                    }
                    other => lengthen(other),
                }
            }
        }
        _ => {}
    }
}
