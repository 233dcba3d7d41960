//! Where things go: the result on stdout or into `--output`, everything else on stderr. A closed pipe
//! is no error.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use crate::{Error, Result};

/// What the result is written to, and what it can show there.
#[derive(Debug, Clone)]
pub struct Output {
    /// `--output`; stdout where it is `None`.
    pub file: Option<PathBuf>,
    /// Whether the result may carry ANSI colours.
    pub color: bool,
    /// Columns available to tables: the terminal's width, or 120 elsewhere.
    pub width: usize,
}

impl Output {
    /// Looks at stdout and the environment. `color`: `Some` forces it on or off.
    #[must_use]
    pub fn detect(file: Option<PathBuf>, color: Option<bool>) -> Self {
        let terminal = file.is_none() && io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = terminal_size::terminal_size()
            .filter(|_| terminal)
            .map_or(120, |(terminal_size::Width(width), _)| usize::from(width));
        Self {
            file,
            color: color.unwrap_or(terminal && !no_color),
            width,
        }
    }

    /// Writes the whole result. With `--output`, through a temporary file beside it, so that a reader
    /// never sees half of it.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be written. A closed pipe is no error.
    pub fn write(&self, result: &str) -> Result<()> {
        let Some(path) = &self.file else {
            return match write_all(&mut io::stdout().lock(), result) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                Err(source) => Err(Error::File {
                    doing: "writing",
                    path: "stdout".into(),
                    source,
                }),
                Ok(()) => Ok(()),
            };
        };
        let wrong = |source| Error::File {
            doing: "writing",
            path: path.clone(),
            source,
        };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        if path.exists() && !path.is_file() {
            // /dev/stdout, a pipe: nothing to rename over.
            return std::fs::write(path, with_newline(result)).map_err(wrong);
        }
        let mut temporary =
            tempfile::NamedTempFile::new_in(folder.unwrap_or(".".as_ref())).map_err(wrong)?;
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

/// Prints an error and its hint on stderr, in colour on a terminal.
pub fn print_error(error: &Error) {
    let color =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let (red, cyan, reset) = if color {
        ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let mut text = format!("{red}error:{reset} {error}\n");
    if let Some(hint) = error.hint() {
        text.push_str(&format!("{cyan}hint:{reset} {hint}\n"));
    }
    // Nothing sensible is left to do if stderr is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
