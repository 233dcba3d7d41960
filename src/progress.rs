//! Progress bars on stderr: on a terminal only, and never with `--no-progress`.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Makes progress bars that share the terminal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    bars: MultiProgress,
    enabled: bool,
}

impl Progress {
    /// `enabled`: stderr is a terminal, and the user did not say `--no-progress`.
    pub fn new(enabled: bool) -> Self {
        let target = if enabled {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            enabled,
        }
    }

    /// Whether bars are drawn; where they are not, commands log a line now and then instead.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// A bar from 0 to `length`.
    pub fn bar(&self, length: u64, message: impl Into<String>) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(length));
        if let Ok(style) =
            ProgressStyle::with_template("{msg:40!} {wide_bar:.cyan/dim} {percent:>3}% {eta:>4}")
        {
            bar.set_style(style);
        }
        bar.set_message(message.into());
        bar
    }

    /// A spinner for work of unknown length.
    pub fn spinner(&self, message: impl Into<String>) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_message(message.into());
        if self.enabled {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        bar
    }

    /// What is going on, in as many lines as it takes, behind the time that it has taken so far.
    pub fn activity(&self) -> Activity {
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        if self.enabled {
            bar.enable_steady_tick(Duration::from_secs(1));
        }
        Activity(bar)
    }

    /// Runs `write` (log lines, results) with the bars out of the way.
    pub fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bars.suspend(write)
    }
}

/// Shown until it is dropped.
#[derive(Debug)]
pub struct Activity(ProgressBar);

/// `00:00:00 `
const CLOCK: usize = 9;

impl Activity {
    pub fn width() -> usize {
        let terminal = terminal_size::terminal_size_of(std::io::stderr());
        terminal
            .map_or(80, |(terminal_size::Width(width), _)| usize::from(width))
            .saturating_sub(CLOCK)
    }

    /// No line may be wider than [`Activity::width`].
    pub fn tell(&self, lines: &[String]) {
        self.0.set_message(lines.join(&format!("\n{:CLOCK$}", "")));
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
