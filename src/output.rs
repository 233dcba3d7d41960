//! Where things go: the result on stdout or into `--output`, everything else on stderr. A closed pipe
//! is not an error.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    sync::Mutex,
};

use crate::{Error, Result};

/// What the result is written to, and what it can show there.
#[derive(Debug, Clone)]
pub struct Output {
    /// `--output`; stdout where it is `None`.
    pub file: Option<PathBuf>,
    /// Whether the result may carry ANSI colours.
    pub color: bool,
    /// What `--color` forces, for stderr as well; `None`: look at the terminal.
    pub forced: Option<bool>,
    /// The terminal's width; `None`: it is not shown on one.
    pub width: Option<usize>,
}

impl Output {
    /// Looks at stdout and the environment. `color`: `Some` forces it on or off.
    pub fn detect(file: Option<PathBuf>, color: Option<bool>) -> Self {
        let terminal = file.is_none() && io::stdout().is_terminal();
        let width = terminal_size::terminal_size()
            .filter(|_| terminal)
            .map(|(terminal_size::Width(width), _)| usize::from(width));
        Self {
            file,
            color: color.unwrap_or(terminal && !no_color()),
            forced: color,
            width,
        }
    }

    /// Finds out, before any work is done, that the file can be written.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot.
    pub fn check(&self) -> Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let wrong = |source| Error::File {
            doing: "writing the result to",
            path: path.clone(),
            source,
        };
        if path.is_dir() {
            return Err(wrong(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        if path.exists() && !path.is_file() {
            return Ok(());
        }
        tempfile::NamedTempFile::new_in(self.folder())
            .map(drop)
            .map_err(wrong)
    }

    /// The folder the file goes into.
    fn folder(&self) -> &std::path::Path {
        self.file
            .as_deref()
            .and_then(std::path::Path::parent)
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(".".as_ref())
    }

    /// The same for a further file.
    pub fn to_file(&self, path: &std::path::Path) -> Self {
        Self {
            file: Some(path.to_owned()),
            ..self.clone()
        }
    }

    /// Writes the whole result. With `--output`, through a temporary file beside it, so that a reader
    /// never sees half of it.
    ///
    /// # Errors
    /// [`Error::Unwritten`] when it cannot be written. A closed pipe is not an error.
    pub fn write(&self, result: &str) -> Result<()> {
        let Some(path) = &self.file else {
            return match write_all(&mut io::stdout().lock(), result) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                Err(source) => Err(Error::Unwritten {
                    path: "stdout".into(),
                    source,
                }),
                Ok(()) => Ok(()),
            };
        };
        let wrong = |source| Error::Unwritten {
            path: path.clone(),
            source,
        };
        if path.exists() && !path.is_file() {
            // /dev/stdout, a pipe: nothing to rename over.
            return std::fs::write(path, with_newline(result)).map_err(wrong);
        }
        let mut temporary = tempfile::NamedTempFile::new_in(self.folder()).map_err(wrong)?;
        write_all(temporary.as_file_mut(), result).map_err(wrong)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path).map_or(0o644, |known| known.permissions().mode());
            temporary
                .as_file()
                .set_permissions(std::fs::Permissions::from_mode(mode))
                .map_err(wrong)?;
        }
        temporary
            .persist(path)
            .map_err(|error| wrong(error.error))?;
        Ok(())
    }
}

fn with_newline(text: &str) -> String {
    if text.ends_with('\n') || text.is_empty() {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}

fn write_all(to: &mut dyn Write, text: &str) -> io::Result<()> {
    to.write_all(with_newline(text).as_bytes())?;
    to.flush()
}

fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether stderr may carry colours. `forced`: what `--color` says.
pub fn color_on_stderr(forced: Option<bool>) -> bool {
    forced.unwrap_or_else(|| io::stderr().is_terminal() && !no_color())
}

#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorStyle {
    /// As a JSON object on one line, as the log lines are.
    pub json: bool,
    /// What `--color` forces.
    pub color: Option<bool>,
}

static ERROR_STYLE: Mutex<ErrorStyle> = Mutex::new(ErrorStyle {
    json: false,
    color: None,
});

/// Sets how [`print_error`] prints, for the whole process.
pub fn set_error_style(style: ErrorStyle) {
    if let Ok(mut current) = ERROR_STYLE.lock() {
        *current = style;
    }
}

/// Prints an error and its hint on stderr.
pub fn print_error(error: &Error) {
    let style = ERROR_STYLE.lock().map(|style| *style).unwrap_or_default();
    let (red, cyan, reset) = if color_on_stderr(style.color) {
        ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let hint = error.hint();
    let text = if style.json {
        // The shape of tracing-subscriber's lines.
        let line = serde_json::json!({
            "timestamp": jiff::Timestamp::now(),
            "level": "ERROR",
            "fields": {"message": error.to_string(), "hint": hint},
        });
        format!("{line}\n")
    } else {
        let hint = hint.map_or(String::new(), |hint| format!("{cyan}hint:{reset} {hint}\n"));
        format!("{red}error:{reset} {error}\n{hint}")
    };
    // Nothing sensible is left to do if stderr is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
