//! SIGINT and SIGTERM: the first asks for a clean end, the second leaves at once.

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
    #[must_use]
    pub fn listen() -> Self {
        let (sender, requested) = watch::channel(false);
        tokio::spawn(async move {
            signal().await;
            let _ = sender.send(true);
            signal().await;
            std::process::exit(i32::from(Outcome::Interrupted.status()));
        });
        let interrupt = Self { requested };
        // A second listener (tests in one process) does not replace the first.
        let _ = LISTENING.set(interrupt.clone());
        interrupt
    }

    /// True once a signal has come.
    #[must_use]
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

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
