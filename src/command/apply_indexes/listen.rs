//! What the user sees while indexes are built: what is going on, on a terminal; log lines elsewhere, `json-lines` events.

use std::{
    cell::RefCell,
    io::Write,
    time::{Duration, Instant},
};

use crate::{
    Error, Result,
    apply::{BuildProgress, Event, Wait},
    command::Context,
    human::human_bytes,
    progress::{Activity, Progress},
    render::{Format, wrap},
    report::ApplyResult,
};

/// A log line about one index comes at most this often, unless somebody new is in its way.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// So many who are waited for are shown at a time.
const MOST_WAITS: usize = 3;

#[derive(Default)]
struct TerminalState {
    /// On a terminal, what is going on about each index (or, without one, beside them).
    activities: Vec<(Option<String>, Activity)>,
    lines: Vec<Line>,
}

/// For what, and for which processes.
type Waits = (Option<Wait>, Vec<Option<i32>>);

/// The last log line about an index.
struct Line {
    index: String,
    waits: Waits,
    at: Instant,
}

impl TerminalState {
    fn logged(&mut self, index: &str, waits: Waits) {
        self.lines.retain(|line| line.index != index);
        self.lines.push(Line {
            index: index.to_owned(),
            waits,
            at: Instant::now(),
        });
    }

    /// Shows what is going on now, until [`TerminalState::ended`].
    fn at_work(&mut self, progress: &Progress, index: Option<&str>, lines: &[String]) {
        if !progress.is_enabled() {
            return;
        }
        let lines: Vec<String> = lines
            .iter()
            .flat_map(|line| wrap(line, Activity::width()))
            .collect();
        let index = index.map(str::to_owned);
        match self.activities.iter().find(|(known, _)| *known == index) {
            Some((_, activity)) => activity.tell(&lines),
            None => {
                let activity = progress.activity();
                activity.tell(&lines);
                self.activities.push((index, activity));
            }
        }
    }

    /// Logs whoever is newly waited for, and on a terminal shows what is going on.
    fn runs(
        &mut self,
        progress: &Progress,
        what: &str,
        index: Option<&str>,
        watched: &BuildProgress,
    ) {
        let phase = format!("{what}: {}", watched.describe_phase());
        let mut waits = watched.waits();
        let more = waits.len().saturating_sub(MOST_WAITS);
        waits.truncate(MOST_WAITS);
        if more > 0 {
            waits.push(format!("… and for {more} more"));
        }
        let pids = watched.blockers.iter().map(|blocker| blocker.pid);
        let whom: Waits = (watched.waiting, pids.collect());
        let is_known = !whom.1.is_empty() || whom.0 == Some(Wait::Standby);
        let last = self.lines.iter().find(|line| line.index == what);
        let appeared = is_known && last.is_none_or(|line| line.waits != whom);
        let is_due = last.is_none_or(|line| line.at.elapsed() > LOG_EVERY);
        if appeared || (is_due && !progress.is_enabled()) {
            let mut text = phase.clone();
            for wait in &waits {
                text.push_str(&format!(", {wait}"));
            }
            tracing::info!("{text}");
            self.logged(what, whom);
        }
        self.at_work(progress, index, &[vec![phase], waits].concat());
    }

    fn ended(&mut self, index: Option<&str>) {
        self.activities
            .retain(|(known, _)| known.as_deref() != index);
    }
}

/// A listener for the way the result is shown.
pub(super) fn listener(context: &Context) -> Result<impl Fn(&Event) + use<'_>> {
    let told = RefCell::new(TerminalState::default());
    let streams = context.config.format == Format::JsonLines;
    if streams && let Some(file) = &context.config.output.file {
        // Events are appended as they come; an earlier run's are not kept.
        std::fs::write(file, "").map_err(|source| Error::File {
            doing: "writing",
            path: file.clone(),
            source,
        })?;
    }
    Ok(move |event: &Event| {
        if streams {
            // What cannot be written (a closed pipe) must not break off a build.
            let _ = write_line(context, event);
        } else {
            show(context, &mut told.borrow_mut(), event);
        }
    })
}

/// The last line of `json-lines`: the whole result.
pub(super) fn write_result(context: &Context, result: &ApplyResult) -> Result<()> {
    #[derive(serde::Serialize)]
    struct FinalEvent<'a> {
        event: &'static str,
        #[serde(flatten)]
        result: &'a ApplyResult,
    }
    write_line(
        context,
        &FinalEvent {
            event: "result",
            result,
        },
    )
}

fn write_line(context: &Context, value: &impl serde::Serialize) -> Result<()> {
    let Ok(mut line) = serde_json::to_string(value) else {
        return Ok(());
    };
    line.push('\n');
    let written = match &context.config.output.file {
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout
                .write_all(line.as_bytes())
                .and_then(|()| stdout.flush())
        }
        Some(path) => std::fs::OpenOptions::new()
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes())),
    };
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => {
            let path = context
                .config
                .output
                .file
                .clone()
                .unwrap_or_else(|| "stdout".into());
            Err(Error::Unwritten { path, source })
        }
        Ok(()) => Ok(()),
    }
}

fn show(context: &Context, told: &mut TerminalState, event: &Event) {
    let progress = &context.progress;
    told.ended(None);
    match event {
        Event::WaitingForDeploy { holder } => {
            let text = format!("another deploy is running; waiting for it: {holder}");
            tracing::warn!("{text}");
            told.at_work(progress, None, &[text]);
        }
        Event::WaitingForConnection => {
            let text = "waiting for a second connection to the server".to_owned();
            tracing::warn!("{text}");
            told.at_work(progress, None, &[text]);
        }
        Event::WaitingForSession { index, holder } => {
            let text = format!("{index}: waiting for {holder}");
            tracing::warn!("{text}");
            told.at_work(progress, Some(index), &[text]);
        }
        Event::Cancelling { index, pid } => {
            let text = format!("{index}: interrupted: cancelling the statement of pid {pid} …");
            tracing::warn!("{text}");
            told.at_work(progress, Some(index), &[text]);
        }
        Event::TidyingUp { index, unfinished } => {
            let text = format!("dropping the unfinished index {unfinished} …");
            tracing::warn!("{text}");
            told.at_work(progress, Some(index), &[text]);
        }
        Event::Reconnecting { reason } => tracing::warn!("reconnecting: {reason}"),
        Event::Retrying {
            index,
            failures,
            reason,
            wait_ms,
        } => {
            tracing::warn!(
                "{index}: attempt {failures} failed: {reason}; next attempt in {wait_ms} ms"
            );
        }
        Event::Sending {
            index,
            table_bytes,
            statement,
        } => {
            tracing::info!("{index}: {statement} ({})", human_bytes(*table_bytes));
            told.logged(index, Waits::default());
            told.at_work(progress, Some(index), std::slice::from_ref(index));
        }
        Event::WaitingForAnswer { doing, watched } => told.runs(progress, doing, None, watched),
        Event::Running { index, watched } => told.runs(progress, index, Some(index), watched),
        Event::Finished { index, .. } => told.ended(Some(index)),
    }
}
