//! The user and the folder of a throwaway server.

use std::{
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
};

use super::cannot;
use crate::{Error, Result};

/// A socket's path must fit `sockaddr_un.sun_path`: 104 bytes on macOS, 108 on Linux.
const SOCKET_PATH_MAX: usize = 103;

/// The account a server runs under where this process is root, which postgres refuses.
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    pub(super) fn of_server() -> Result<Option<Self>> {
        if !nix::unistd::geteuid().is_root() {
            return Ok(None);
        }
        // initdb wants an entry in the user database, not just a number.
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| nix::unistd::User::from_name(name).ok().flatten())
            .map(|user| {
                Some(Self {
                    uid: user.uid.as_raw(),
                    gid: user.gid.as_raw(),
                })
            })
            .ok_or_else(|| Error::Demo {
                message: "postgres refuses to run as root, and there is no user `postgres` or `nobody` to run \
                     it as"
                    .into(),
                hint: "run dbaudit as an ordinary user".into(),
            })
    }
}

/// A new folder, the server's own, in the temporary directory; in /tmp where that one is closed to the
/// server's account, or too long for a socket's path.
pub(super) fn make_folder(account: Option<&Account>) -> Result<PathBuf> {
    let mut parent = std::env::temp_dir();
    let open = |folder: &Path| {
        folder.ancestors().all(|part| {
            std::fs::metadata(part).is_ok_and(|known| known.permissions().mode() & 0o001 != 0)
        })
    };
    let long = parent.as_os_str().len() + "/dbaudit-XXXXXX/.s.PGSQL.54321".len() > SOCKET_PATH_MAX;
    if long || (account.is_some() && !open(&parent)) {
        parent = "/tmp".into();
    }
    let folder = tempfile::Builder::new()
        .prefix("dbaudit-")
        .tempdir_in(&parent)
        .map_err(|source| cannot(&format!("create a folder in {}", parent.display()), &source))?;
    if let Some(account) = account {
        chown(folder.path(), Some(account.uid), Some(account.gid))
            .map_err(|source| cannot("give the folder to the server's user", &source))?;
    }
    // The supervisor removes it from now on.
    Ok(folder.keep())
}
