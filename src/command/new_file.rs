//! Files for the user, never over one that is there.

use std::{fs, io::ErrorKind, path::Path};

use crate::{
    Error, Result,
    report::files::{FileStatus, NewFile},
};

/// Writes a file, unless there is one of that name.
///
/// # Errors
/// It, or its folder, cannot be written.
pub(super) fn write(path: &Path, text: &str, about: impl Into<String>) -> Result<NewFile> {
    let wrong = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| Error::File {
            doing,
            path,
            source,
        }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(wrong("creating the folder", folder))?;
    }
    let status = match fs::File::create_new(path) {
        Ok(mut file) => {
            std::io::Write::write_all(&mut file, text.as_bytes())
                .map_err(wrong("writing", path))?;
            FileStatus::Written
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => status(path, text),
        Err(error) => return Err(wrong("writing", path)(error)),
    };
    Ok(NewFile {
        file: path.display().to_string(),
        status,
        about: about.into(),
    })
}

/// What would become of a file.
pub(super) fn plan(path: &Path, text: &str, about: impl Into<String>) -> NewFile {
    NewFile {
        file: path.display().to_string(),
        status: status(path, text),
        about: about.into(),
    }
}

fn status(path: &Path, text: &str) -> FileStatus {
    match fs::read(path) {
        Ok(own) if own == text.as_bytes() => FileStatus::Unchanged,
        Err(error) if error.kind() == ErrorKind::NotFound => FileStatus::Planned,
        _ => FileStatus::Kept,
    }
}
