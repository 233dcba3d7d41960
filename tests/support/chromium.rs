//! A page in a headless Chromium, driven by a script as a user would drive it.
//!
//! The browser is `DBAUDIT_TEST_CHROMIUM`, or the first known name in `PATH`. Where there is none, the test
//! says that it is skipped; with `DBAUDIT_TEST_REQUIRE` set (as in `.ci/run`) it fails.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Long for a page of some kilobytes, even on a busy machine; a browser that hangs must not hang the tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the reader's system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Dark,
    Light,
}

/// Before anything of the page: note what goes wrong in it, and whatever it would load.
const WATCH: &str = r#"<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"><script>
const wrong = [];
addEventListener("error", (event) => wrong.push(String(event.message)), true);
addEventListener("unhandledrejection", (event) => wrong.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => wrong.push("would load " + event.blockedURI));
</script>"#;

/// After the page's own script. `tooPale` lists texts below the contrast that WCAG 2 asks for (4.5 : 1).
const DRIVE: &str = r#"<script>
const rgba = (color) => color.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (element, canvas) => {
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, alpha = 1] = rgba(getComputedStyle(at).backgroundColor);
    if (alpha > 0.5) return [r, g, b];
  }
  return canvas;
};
const contrast = (element, canvas) => {
  const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element, canvas))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
};
const tooPale = () => {
  const probe = document.createElement("i");
  probe.style.backgroundColor = "Canvas";
  document.body.append(probe);
  const canvas = rgba(getComputedStyle(probe).backgroundColor);
  probe.remove();
  return [...document.body.querySelectorAll("*")]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((element) => element.checkVisibility() && contrast(element, canvas) < 4.5)
    .map((element) => `${element.className || element.tagName}: ${element.textContent.trim().slice(0, 40)}`);
};
const tooWide = (width) => {
  document.documentElement.style.width = width + "px";
  const wide = document.body.scrollWidth > width;
  document.documentElement.style.width = "";
  return wide;
};
(async () => {
  const outcome = {};
  try { await (async () => { BODY })(); } catch (error) { wrong.push(String(error)); }
  outcome.wrong = wrong;
  outcome.loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  outcome.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  outcome.tooPale = tooPale();
  outcome.tooWideForPhone = tooWide(400);
  const pre = document.createElement("pre");
  pre.id = "outcome";
  pre.textContent = JSON.stringify(outcome).replace(/[<>&]/g, (c) => "\\u00" + c.charCodeAt(0).toString(16));
  document.body.append(pre);
})();
</script>"#;

/// Opens the page, runs the script (an `async` body that fills `outcome`), and returns the outcome; nothing
/// where there is no browser and none is required. The page must load nothing and fail nowhere, be readable
/// in the scheme asked for, and fit a phone.
pub fn drive(page: &str, scheme: Scheme, script: &str) -> Option<Value> {
    let Some(chromium) = find() else {
        assert!(
            std::env::var_os("DBAUDIT_TEST_REQUIRE").is_none(),
            "there is no Chromium here, and DBAUDIT_TEST_REQUIRE is set (Debian, Ubuntu: apt-get install chromium)"
        );
        eprintln!("skipped: there is no Chromium here");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let page = page.replacen("<head>", &format!("<head>{WATCH}"), 1);
    let (page, rest) = page.rsplit_once("</body>").expect("a whole page");
    let drive = DRIVE.replace("BODY", script);
    fs::write(&path, format!("{page}{drive}</body>{rest}")).unwrap();
    let dom = folder.path().join("dom.html");
    let log = folder.path().join("log");
    let mut browser = Command::new(chromium)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!(
            "--blink-settings=preferredColorScheme={}",
            scheme as u8
        ))
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("file://{}", path.display()))
        .stdin(Stdio::null())
        .stdout(File::create(&dom).unwrap())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while browser.try_wait().unwrap().is_none() {
        if since.elapsed() > PATIENCE {
            browser.kill().unwrap();
            browser.wait().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let dom = fs::read_to_string(dom).unwrap();
    let outcome = dom
        .rsplit_once("<pre id=\"outcome\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .unwrap_or_else(|| panic!("no outcome: {}", fs::read_to_string(log).unwrap()));
    let outcome: Value = serde_json::from_str(outcome.0).unwrap();
    assert_eq!(outcome["wrong"], serde_json::json!([]), "{outcome:#}");
    assert_eq!(outcome["loaded"], serde_json::json!([]), "{outcome:#}");
    assert_eq!(outcome["dark"], scheme == Scheme::Dark, "{outcome:#}");
    assert_eq!(outcome["tooPale"], serde_json::json!([]), "{outcome:#}");
    assert_eq!(outcome["tooWideForPhone"], false, "{outcome:#}");
    Some(outcome)
}

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("DBAUDIT_TEST_CHROMIUM") {
        return Some(named.into());
    }
    let folders = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}
