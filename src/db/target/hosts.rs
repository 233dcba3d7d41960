//! The servers to try: hosts, addresses and ports paired up, each with its password.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use super::{Environment, Host, Password, PasswordSource, parameters::Parameters, passfile};
use crate::Result;

/// Where servers put their unix sockets: Debian's and most packagers' place, and the source's default.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// Pairs up `host`, `hostaddr` and `port`, each a list with commas.
pub(super) fn resolve(
    parameters: &Parameters,
    user: &str,
    dbname: &str,
    environment: &Environment,
) -> Result<Vec<Host>> {
    let list = |key: &str| -> Vec<&str> {
        parameters
            .text(key)
            .map_or_else(Vec::new, |text| text.split(',').map(str::trim).collect())
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(parameters.wrong("hostaddr", "give as many entries as in `host`"));
    }
    let count = names.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(parameters.wrong("port", "give one port, or as many as there are hosts"));
    }
    let passwords = Passwords::find(parameters, environment);
    (0..count)
        .map(|at| {
            let port = match ports.get(at).or(ports.first()).copied() {
                None | Some("") => 5432,
                Some(text) => text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                    parameters.wrong("port", "it must be a number from 1 to 65535")
                })?,
            };
            let address: Option<IpAddr> = match addresses.get(at).copied() {
                None | Some("") => None,
                Some(text) => Some(
                    text.parse()
                        .map_err(|_| parameters.wrong("hostaddr", "it must be an IP address"))?,
                ),
            };
            let name = match (names.get(at).copied().unwrap_or_default(), address) {
                ("", Some(address)) => address.to_string(),
                ("", None) => default_host(port),
                (name, _) if name.starts_with('@') => {
                    return Err(parameters.wrong("host", "abstract sockets are not supported"));
                }
                (name, _) => name.to_owned(),
            };
            let mut host = Host {
                name,
                address,
                port,
                password: None,
            };
            host.password = passwords.of(&host, user, dbname);
            Ok(host)
        })
        .collect()
}

/// The usual socket where there is one, as libpq built by a packager would choose it; else TCP.
fn default_host(port: u16) -> String {
    SOCKET_FOLDERS
        .iter()
        .find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists())
        .map_or("localhost", |folder| *folder)
        .to_owned()
}

/// Where the passwords are: one for all hosts, or in the password file, which is read once.
enum Passwords {
    One(Password),
    File { path: PathBuf, text: String },
    None,
}

impl Passwords {
    fn find(parameters: &Parameters, environment: &Environment) -> Self {
        let given = parameters
            .text("password")
            .zip(parameters.source("password"));
        if let Some((text, source)) = given {
            return Self::One(Password {
                text: text.to_owned(),
                source: PasswordSource::Parameter(source.clone()),
            });
        }
        let of_home = if cfg!(windows) {
            r"postgresql\pgpass.conf"
        } else {
            ".pgpass"
        };
        let named = parameters.text("passfile").map(PathBuf::from);
        let path = named.or_else(|| Some(environment.home()?.join(of_home)));
        path.and_then(|path| passfile::read(&path).map(|text| Self::File { path, text }))
            .unwrap_or(Self::None)
    }

    fn of(&self, host: &Host, user: &str, dbname: &str) -> Option<Password> {
        match self {
            Self::None => None,
            Self::One(password) => Some(password.clone()),
            Self::File { path, text } => {
                // In the file, the default socket goes by the name of localhost.
                let name = if SOCKET_FOLDERS.contains(&host.name.as_str()) {
                    "localhost"
                } else {
                    &host.name
                };
                passfile::find(text, name, host.port, dbname, user).map(|text| Password {
                    text,
                    source: PasswordSource::File(path.clone()),
                })
            }
        }
    }
}
