//! What the user sees while indexes are built: a bar on a terminal, log lines elsewhere, `json-lines` events.

use std::{
    cell::RefCell,
    io::Write,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use crate::{
    Error, Result,
    apply::Event,
    command::Context,
    render::{Format, human_bytes},
    report::ApplyResult,
};

/// A log line about one index comes at most this often, unless somebody new is in its way.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What has been shown.
#[derive(Default)]
struct Told {
    bars: Vec<(String, ProgressBar)>,
    lines: Vec<Line>,
}

/// The last log line about an index.
struct Line {
    index: String,
    blockers: Vec<Option<i32>>,
    at: Instant,
}

impl Told {
    fn logged(&mut self, index: &str, blockers: Vec<Option<i32>>) {
        self.lines.retain(|line| line.index != index);
        self.lines.push(Line {
            index: index.to_owned(),
            blockers,
            at: Instant::now(),
        });
    }
}

/// A listener for the way the result is shown.
pub(super) fn listener(context: &Context) -> Result<impl Fn(&Event) + use<'_>> {
    let told = RefCell::new(Told::default());
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
    struct Ended<'a> {
        event: &'static str,
        #[serde(flatten)]
        result: &'a ApplyResult,
    }
    write_line(
        context,
        &Ended {
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

fn show(context: &Context, told: &mut Told, event: &Event) {
    match event {
        Event::WaitingForDeploy { holder } => {
            tracing::warn!("another deploy is at work, waiting for it: {holder}")
        }
        Event::WaitingForSession { index, holder } => {
            tracing::warn!("{index}: waiting for {holder}")
        }
        Event::Cancelling { index } => {
            tracing::warn!("interrupted: cancelling the statement about {index} on the server …");
        }
        Event::TidyingUp { index } => {
            tracing::warn!("dropping what is unfinished of {index} …");
        }
        Event::Reconnecting { reason } => tracing::warn!("connecting again: {reason}"),
        Event::Retrying {
            index,
            failures,
            reason,
            wait_ms,
        } => {
            tracing::warn!("{index}: try {failures} failed: {reason}; next try in {wait_ms} ms");
        }
        Event::Sending {
            index,
            table_bytes,
            statement,
        } => {
            tracing::info!("{index}: {statement} ({})", human_bytes(*table_bytes));
            told.logged(index, Vec::new());
            if context.progress.is_enabled() && !told.bars.iter().any(|(known, _)| known == index) {
                told.bars
                    .push((index.clone(), context.progress.bar(100, index.clone())));
            }
        }
        Event::Running { index, watched } => {
            let mut text = format!("{index} {}", watched.describe_phase());
            if watched.waiting.is_some() {
                text.push_str(&format!(", {}", watched.describe_blockers()));
            }
            if let Some((_, bar)) = told.bars.iter().find(|(known, _)| known == index) {
                bar.set_message(text.clone());
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 100"
                )]
                bar.set_position(watched.percent.unwrap_or(0.0).clamp(0.0, 100.0) as u64);
                return;
            }
            let blockers: Vec<Option<i32>> =
                watched.blockers.iter().map(|blocker| blocker.pid).collect();
            let last = told.lines.iter().find(|line| line.index == *index);
            let appeared =
                !blockers.is_empty() && last.is_none_or(|line| line.blockers != blockers);
            if appeared || last.is_none_or(|line| line.at.elapsed() > LOG_EVERY) {
                tracing::info!("{text}");
                told.logged(index, blockers);
            }
        }
        Event::Finished { index, .. } => {
            if let Some(at) = told.bars.iter().position(|(known, _)| known == index) {
                told.bars.remove(at).1.finish_and_clear();
            }
        }
    }
}
