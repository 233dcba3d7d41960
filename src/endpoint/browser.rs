//! A headless Chromium, driven over its DevTools protocol, through a pipe: no port is opened, and nobody else on
//! the machine can drive it.

use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{Error, Result};

/// Names under which it is found in `PATH`.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// No answer within this time: the browser hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events that nobody asked about are not kept without end.
const MOST_EVENTS: usize = 10_000;

/// The browser at `DBAUDIT_CHROMIUM`, or the first known one in `PATH`.
///
/// # Errors
/// [`Error::CannotJudge`] where there is none, with what to install.
pub fn find_chromium() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("DBAUDIT_CHROMIUM") {
        return Ok(named.into());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::CannotJudge {
            message: format!("no browser found: none of {} is in PATH", NAMES.join(", ")),
            hint: "install one (Debian, Ubuntu: apt-get install chromium), or set DBAUDIT_CHROMIUM=/path"
                .into(),
        })
}

/// A running browser; ended when dropped.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last_id: u64,
    events: VecDeque<Value>,
    dialogs: usize,
    _profile: tempfile::TempDir,
}

/// How a page came to rest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LoadEnd {
    /// No request was under way any more.
    pub is_quiet: bool,
    /// How many documents were asked for: more than one where a script went on to another.
    pub documents: usize,
    /// When the first of them was, in seconds since 1970.
    pub begun: Option<f64>,
    /// Dialogs that were opened, and closed again.
    pub dialogs: usize,
}

/// A tab in a profile of its own: no cache, no cookie of any other.
#[derive(Debug, Clone)]
pub struct Tab {
    session: String,
    context: String,
    /// Its main frame has the same name.
    target: String,
}

impl Browser {
    /// Starts the browser.
    ///
    /// # Errors
    /// [`Error::CannotJudge`]: it does not start, or does not answer.
    pub async fn start(chromium: &Path) -> Result<Self> {
        Self::start_with(chromium, &[]).await
    }

    /// Starts the browser with further options.
    ///
    /// # Errors
    /// [`Error::CannotJudge`]: it does not start, or does not answer.
    pub async fn start_with(chromium: &Path, options: &[&str]) -> Result<Self> {
        let profile = tempfile::tempdir().map_err(|source| Error::File {
            doing: "creating a folder for",
            path: "the browser's profile".into(),
            source,
        })?;
        // Its pipe is on the descriptors 3 and 4, and only a shell can put one there without unsafe code.
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#)
            .arg(chromium)
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-default-apps",
                "--disable-extensions",
            ])
            .args(options);
        #[cfg(unix)]
        if nix::unistd::Uid::effective().is_root() {
            // It refuses to run as root with its sandbox.
            command.arg("--no-sandbox");
        }
        command
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut process = command
            .spawn()
            .map_err(|error| broken(format!("starting {}: {error}", chromium.display())))?;
        let (Some(to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(broken("the browser has no pipe".into()));
        };
        let mut browser = Self {
            process,
            to,
            from: BufReader::new(from),
            last_id: 0,
            events: VecDeque::new(),
            dialogs: 0,
            _profile: profile,
        };
        browser.call(None, "Browser.getVersion", json!({})).await?;
        Ok(browser)
    }

    /// Opens an empty tab.
    pub async fn open(&mut self) -> Result<Tab> {
        let context = self
            .call(None, "Target.createBrowserContext", json!({}))
            .await?;
        let context = text(&context, "browserContextId");
        let target = self
            .call(
                None,
                "Target.createTarget",
                json!({"url": "about:blank", "browserContextId": context}),
            )
            .await?;
        let attached = self
            .call(
                None,
                "Target.attachToTarget",
                json!({"targetId": target["targetId"], "flatten": true}),
            )
            .await?;
        let tab = Tab {
            session: text(&attached, "sessionId"),
            context,
            target: text(&target, "targetId"),
        };
        for domain in ["Page.enable", "Runtime.enable", "Network.enable"] {
            self.ask(&tab, domain, json!({})).await?;
        }
        Ok(tab)
    }

    /// Closes a tab, and forgets its profile.
    pub async fn close(&mut self, tab: Tab) -> Result<()> {
        let context = json!({"browserContextId": tab.context});
        self.call(None, "Target.disposeBrowserContext", context)
            .await?;
        self.events
            .retain(|event| event["sessionId"] != tab.session.as_str());
        Ok(())
    }

    /// Opens a page, and waits for its load event.
    ///
    /// # Errors
    /// It cannot be reached, or does not load within `patience`.
    pub async fn navigate(&mut self, tab: &Tab, url: &str, patience: Duration) -> Result<()> {
        let navigated = self.ask(tab, "Page.navigate", json!({"url": url})).await?;
        if let Some(wrong) = navigated["errorText"].as_str() {
            return Err(broken(format!("{url}: {wrong}")));
        }
        let loaded = self.event(tab, "Page.loadEventFired");
        match tokio::time::timeout(patience, loaded).await {
            Ok(loaded) => loaded.map(|_| ()),
            Err(_) => Err(broken(format!(
                "{url}: no load event within {} seconds",
                patience.as_secs()
            ))),
        }
    }

    /// Waits until the page has come to rest: no request is under way for `quiet`. Pages that it goes on to by itself are
    /// part of it. At most `at_most`.
    pub async fn settle(
        &mut self,
        tab: &Tab,
        quiet: Duration,
        at_most: Duration,
    ) -> Result<LoadEnd> {
        let begun = Instant::now();
        let mut rest = LoadEnd::default();
        let mut under_way: BTreeSet<String> = BTreeSet::new();
        let of_tab = |event: &Value| event["sessionId"] == tab.session.as_str();
        loop {
            let known = self.events.iter().position(of_tab);
            let event = match known.and_then(|at| self.events.remove(at)) {
                Some(event) => event,
                None => {
                    let left = at_most.saturating_sub(begun.elapsed());
                    let patience = if under_way.is_empty() {
                        quiet.min(left)
                    } else {
                        left
                    };
                    let next = self.read("waiting for the page to become idle");
                    match tokio::time::timeout(patience, next).await {
                        Err(_) => break,
                        Ok(event) => event?,
                    }
                }
            };
            if !of_tab(&event) {
                self.keep(event);
                continue;
            }
            let request = || text(&event["params"], "requestId");
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let is_main = event["params"]["type"] == "Document"
                        && event["params"]["frameId"] == tab.target.as_str();
                    // Only the first: what a redirect by the server asks for is the same request going on.
                    if is_main && event["params"]["redirectResponse"].is_null() {
                        rest.documents += 1;
                        let at = event["params"]["wallTime"].as_f64();
                        rest.begun = rest.begun.or(at);
                    }
                    under_way.insert(request());
                }
                "Network.loadingFinished" | "Network.loadingFailed" => {
                    under_way.remove(&request());
                }
                _ => {}
            }
        }
        rest.dialogs = std::mem::take(&mut self.dialogs);
        rest.is_quiet = under_way.is_empty();
        Ok(rest)
    }

    /// What a JavaScript expression comes to; a promise is awaited.
    ///
    /// # Errors
    /// What it throws.
    pub async fn evaluate(&mut self, tab: &Tab, expression: &str) -> Result<Value> {
        let mut answer = self
            .ask(
                tab,
                "Runtime.evaluate",
                json!({"expression": expression, "awaitPromise": true, "returnByValue": true,
                       "userGesture": true}),
            )
            .await?;
        if !answer["exceptionDetails"].is_null() {
            return Err(broken(format!(
                "in the page: {}",
                answer["exceptionDetails"]
            )));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Any other method of the protocol, for a tab.
    pub async fn ask(&mut self, tab: &Tab, method: &str, parameters: Value) -> Result<Value> {
        self.call(Some(&tab.session), method, parameters).await
    }

    async fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        // Messages end with a zero byte.
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to
            .write_all(&bytes)
            .await
            .map_err(|error| broken(format!("{method}: {error}")))?;
        loop {
            let mut message = self.read(method).await?;
            if message["id"] == id {
                if let Some(wrong) = message["error"]["message"].as_str() {
                    return Err(broken(format!("{method}: {wrong}")));
                }
                return Ok(message["result"].take());
            }
            self.keep(message);
        }
    }

    /// The next event of this name, one that came already included.
    async fn event(&mut self, tab: &Tab, name: &str) -> Result<Value> {
        let wanted =
            |event: &Value| event["method"] == name && event["sessionId"] == tab.session.as_str();
        if let Some(at) = self.events.iter().position(wanted) {
            return Ok(self.events.remove(at).unwrap_or_default());
        }
        loop {
            let message = self.read(name).await?;
            if wanted(&message) {
                return Ok(message);
            }
            self.keep(message);
        }
    }

    fn keep(&mut self, message: Value) {
        if message["id"].is_null() {
            self.events.push_back(message);
            if self.events.len() > MOST_EVENTS {
                self.events.pop_front();
            }
        }
    }

    async fn read(&mut self, awaiting: &str) -> Result<Value> {
        let mut bytes = Vec::new();
        let read = self.from.read_until(0, &mut bytes);
        match tokio::time::timeout(PATIENCE, read).await {
            Err(_) => Err(broken(format!(
                "{awaiting}: the browser did not answer within {} seconds",
                PATIENCE.as_secs()
            ))),
            Ok(Err(error)) => Err(broken(format!("{awaiting}: {error}"))),
            Ok(Ok(0)) => {
                let ended = self.process.try_wait().ok().flatten();
                let how = ended.map_or(String::new(), |status| format!(" ({status})"));
                Err(broken(format!("{awaiting}: the browser ended{how}")))
            }
            Ok(Ok(_)) => {
                bytes.pop();
                let message: Value = serde_json::from_slice(&bytes)
                    .map_err(|error| broken(format!("{awaiting}: {error}")))?;
                if message["method"] == "Page.javascriptDialogOpening" {
                    self.dismiss(&message).await?;
                }
                Ok(message)
            }
        }
    }

    /// Nobody is there to answer a dialog, and the page stands still until it is closed. A page that asks whether it may
    /// be left, may.
    async fn dismiss(&mut self, opening: &Value) -> Result<()> {
        self.dialogs += 1;
        self.last_id += 1;
        let leave = opening["params"]["type"] == "beforeunload";
        let message = json!({"id": self.last_id, "sessionId": opening["sessionId"],
            "method": "Page.handleJavaScriptDialog", "params": {"accept": leave}});
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to
            .write_all(&bytes)
            .await
            .map_err(|error| broken(format!("closing a dialog: {error}")))
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn broken(message: String) -> Error {
    Error::CannotJudge {
        message: format!("the browser: {message}"),
        hint: String::new(),
    }
}
