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
    #[must_use]
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
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// A bar from 0 to `length`.
    #[must_use]
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
    #[must_use]
    pub fn spinner(&self, message: impl Into<String>) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_message(message.into());
        if self.enabled {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        bar
    }

    /// Runs `write` (log lines, results) with the bars out of the way.
    pub fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bars.suspend(write)
    }
}
