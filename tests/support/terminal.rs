//! A program at a terminal of a given size, and what stands on its screen by `vt100`.

use std::{
    io::Read,
    num::NonZero,
    process::{Child, Command},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nix::pty::{Winsize, openpty};

/// High enough that nothing scrolls away.
const ROWS: u16 = 200;

pub struct Terminal {
    pub child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    columns: u16,
}

impl Terminal {
    /// Starts the command; stdin, stdout and stderr are the terminal.
    pub fn run(mut command: Command, columns: u16) -> Self {
        let size = Winsize {
            ws_row: ROWS,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).expect("a pseudo-terminal");
        let slave = || pty.slave.try_clone().expect("it is cloned");
        command
            .stdin(slave())
            .stdout(slave())
            .stderr(slave())
            .env("TERM", "xterm-256color");
        let child = command.spawn().expect("it starts");
        let some = |size| NonZero::new(size).expect("more than none");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(some(ROWS), some(columns), 0)));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut master = std::fs::File::from(pty.master);
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = master.read(&mut buffer) {
                shown.lock().expect("it is free").process(&buffer[..read]);
            }
        });
        Self {
            child,
            screen,
            columns,
        }
    }

    /// The rows of the screen.
    pub fn rows(&self) -> Vec<String> {
        let screen = self.screen.lock().expect("it is free");
        let rows: Vec<String> = screen.screen().rows(0, self.columns).collect();
        rows.join("\n")
            .trim_end()
            .split('\n')
            .map(str::to_owned)
            .collect()
    }

    /// Without any white space: a text is found wherever its lines break.
    pub fn squeezed(&self) -> String {
        squeeze(&self.rows().concat())
    }

    /// Waits until all of these are shown, however their lines break.
    pub async fn shows(&self, texts: &[&str]) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let screen = self.squeezed();
            if texts.iter().all(|text| screen.contains(&squeeze(text))) {
                return;
            }
            assert!(
                Instant::now() < until,
                "{texts:?} is not shown:\n{}",
                self.rows().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}
