//! SIGINT, SIGTERM and SIGHUP: the first asks for a clean end, the second leaves at once.

use std::sync::OnceLock;

use tokio::sync::watch;

use crate::Outcome;

/// Tells whether the process has been asked to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt {
    requested: watch::Receiver<bool>,
}

/// The process's listener: signals come to the whole process.
static LISTENING: OnceLock<Interrupt> = OnceLock::new();

/// Completes when a signal comes from now on; never for one that came before, nor where nobody listens. For
/// waits that cleaning up after a signal needs too.
pub async fn next_signal() {
    match LISTENING.get() {
        Some(interrupt) if !interrupt.is_requested() => interrupt.requested().await,
        _ => std::future::pending().await,
    }
}

impl Interrupt {
    /// Starts listening for the signals. Must be called within a tokio runtime.
    pub fn listen() -> Self {
        let (sender, requested) = watch::channel(false);
        // Heard from here on, not from when the task first runs.
        let mut signals = Signals::listen();
        tokio::spawn(async move {
            signals.next().await;
            let _ = sender.send(true);
            signals.next().await;
            std::process::exit(i32::from(Outcome::Interrupted.status()));
        });
        let interrupt = Self { requested };
        // A second listener (tests in one process) does not replace the first.
        let _ = LISTENING.set(interrupt.clone());
        interrupt
    }

    /// True once a signal has come.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Completes when a signal has come; never completes otherwise.
    pub async fn requested(&self) {
        let mut requested = self.requested.clone();
        if requested.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// SIGINT, SIGTERM and SIGHUP, one after the other.
#[cfg(unix)]
struct Signals(Option<[tokio::signal::unix::Signal; 3]>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let all = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            // The terminal is gone; the work is to be ended as cleanly.
            SignalKind::hangup(),
        ];
        let [Ok(interrupt), Ok(terminate), Ok(hangup)] = all.map(signal) else {
            // Then they end the process the hard way.
            return Self(None);
        };
        Self(Some([interrupt, terminate, hangup]))
    }

    async fn next(&mut self) {
        let Some([interrupt, terminate, hangup]) = &mut self.0 else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
