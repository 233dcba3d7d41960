//! What stands behind `?`.

use super::{Dialect, clients_own::is_the_clients_own};
use crate::db::target::keyword;

/// Takes what a URL says, and gives it in libpq's words.
#[derive(Debug)]
pub(in crate::db::target) struct Reading {
    dialect: Dialect,
    pairs: Vec<(String, String)>,
    /// SQLAlchemy's `?host=a:1&host=b:2`.
    hosts: Vec<String>,
    /// What the session is told: `-c name=value`.
    settings: Vec<(String, String)>,
    /// A parameter that only Prisma has.
    is_prismas: bool,
    /// The `sslmode` that a switch such as `ssl=true` comes to, where none is named.
    ssl: Option<String>,
    /// Whatever the certificate is.
    trusts_anyone: bool,
}

impl Reading {
    pub(in crate::db::target) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            pairs: Vec::new(),
            hosts: Vec::new(),
            settings: Vec::new(),
            is_prismas: false,
            ssl: None,
            trusts_anyone: false,
        }
    }

    /// A keyword of libpq's, as it is.
    pub(in crate::db::target) fn push(&mut self, keyword: &str, value: impl Into<String>) {
        self.pairs.push((keyword.to_owned(), value.into()));
    }

    /// A parameter behind the `?`, the `number`th, from 1. The messages repeat no value, and a name only where it is
    /// known: either may be a part of a password.
    pub(in crate::db::target) fn parameter(
        &mut self,
        number: usize,
        key: &str,
        value: String,
    ) -> Result<(), String> {
        if let Some(name) = between(key, "options[", "]").or(between(key, "variables[", "]")) {
            self.setting(name, value);
            return Ok(());
        }
        let plain = plain(key);
        match plain.as_str() {
            "ssl" | "sslmode" | "sslrequire" | "usessl" => {
                let mode = self.ssl(key, &value)?;
                match mode {
                    Some(mode) if plain == "sslmode" => self.push("sslmode", mode),
                    mode => self.ssl = mode,
                }
            }
            "host" if self.dialect == Dialect::Python => self.hosts.push(value),
            "socket" => self.push("host", value),
            // pg8000 names the file, libpq its folder.
            "unixsock" | "unixsocket" => {
                let (folder, port) = value.rsplit_once("/.s.PGSQL.").unwrap_or((&value, ""));
                let (folder, port) = (folder.to_owned(), port.to_owned());
                self.push("host", folder);
                if !port.is_empty() {
                    self.push("port", port);
                }
            }
            "username" => self.push("user", value),
            "database" | "databasename" => self.push("dbname", value),
            "schema" if self.dialect != Dialect::Java => {
                self.is_prismas = true;
                // One schema, whatever is in its name.
                self.setting("search_path", format!("\"{}\"", value.replace('"', "\"\"")));
            }
            "schema" | "currentschema" | "schemasearchpath" | "searchpath" => {
                self.setting("search_path", value);
            }
            "timezone" | "datestyle" | "intervalstyle" | "role" => self.setting(&plain, value),
            "assumerole" => self.setting("role", value),
            "targetservertype" => self.target_server_type(&value)?,
            "loadbalancehosts" => {
                let random = matches!(value.as_str(), "true" | "random");
                self.push(
                    "load_balance_hosts",
                    if random { "random" } else { "disable" },
                );
            }
            "tcpkeepalive" | "keepalive" => {
                self.push("keepalives", if value == "false" { "0" } else { "1" });
            }
            "sslfactory" if value.ends_with(".NonValidatingFactory") => self.trusts_anyone = true,
            "sslfactory" if value.ends_with(".LibPQFactory") => {}
            "sslfactory" | "sslfactoryarg" | "sslhostnameverifier" => {
                return Err(format!(
                    "dbaudit does not support `{key}`; write sslmode=verify-full&sslrootcert=FILE, the file \
                     with the authority's certificate, or sslrootcert=system"
                ));
            }
            "sslidentity" => {
                return Err(format!(
                    "dbaudit does not read the PKCS #12 file of `{key}`; write sslcert=FILE&sslkey=FILE, which \
                     `openssl pkcs12` extracts from it"
                ));
            }
            "sslaccept" => {
                self.is_prismas = true;
                if value == "strict" {
                    return Err(
                        "`sslaccept=strict` is Prisma's; write sslmode=verify-full&sslrootcert=FILE, the file with \
                         the authority's certificate, or sslrootcert=system"
                            .to_owned(),
                    );
                }
            }
            "socketfactory"
            | "cloudsqlinstance"
            | "localsocketaddress"
            | "authenticationpluginclassname" => {
                return Err(format!(
                    "dbaudit cannot connect through `{key}`; start the cloud provider's proxy, and use its \
                     address: postgresql://user@127.0.0.1:5432/database"
                ));
            }
            "pgbouncer" | "connectionlimit" | "pooltimeout" => self.is_prismas = true,
            _ if keyword::find(key).is_some() => self.push(key, value),
            plain if is_the_clients_own(key, plain) => {}
            plain => match keyword::KEYWORDS
                .iter()
                .find(|keyword| self::plain(keyword.name) == *plain)
            {
                Some(keyword) => self.push(keyword.name, value),
                None if keyword::is_word(key) => self.push(key, value),
                None => {
                    return Err(format!(
                        "dbaudit does not know parameter {number} after the `?`; leave it out"
                    ));
                }
            },
        }
        Ok(())
    }

    fn setting(&mut self, name: &str, value: String) {
        self.settings.push((name.to_owned(), value));
    }

    /// What `ssl=…` and `sslmode=…` come to.
    fn ssl(&self, key: &str, value: &str) -> Result<Option<String>, String> {
        let lower = value.to_ascii_lowercase();
        Ok(Some(match lower.as_str() {
            _ if key == "sslmode" && lower != "no-verify" => value.to_owned(),
            // pgJDBC takes it for the strictest mode, libpq for encryption alone.
            "true" | "1" | "on" | "yes" | "" if self.dialect == Dialect::Java => {
                "verify-full".to_owned()
            }
            "true" | "1" | "on" | "yes" | "no-verify" => "require".to_owned(),
            "false" | "0" | "off" | "no" | "" => return Ok(None),
            "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full" => lower,
            "verify_ca" | "verify_full" => lower.replace('_', "-"),
            _ => {
                return Err(format!(
                    "the value of `{key}` is not supported; write sslmode=require, or sslmode=verify-full"
                ));
            }
        }))
    }

    fn target_server_type(&mut self, value: &str) -> Result<(), String> {
        let attrs = match value.to_ascii_lowercase().as_str() {
            "any" => "any",
            "primary" | "master" => "primary",
            "secondary" | "slave" => "standby",
            "prefersecondary" | "preferslave" => "prefer-standby",
            _ => {
                return Err(
                    "the value of `targetServerType` has no counterpart in libpq; write \
                     target_session_attrs=primary, standby, prefer-standby or any"
                        .to_owned(),
                );
            }
        };
        self.push("target_session_attrs", attrs);
        Ok(())
    }

    /// Keywords of libpq's with their values.
    pub(in crate::db::target) fn end(mut self) -> Result<Vec<(String, String)>, String> {
        let has = |pairs: &[(String, String)], key: &str| pairs.iter().any(|(own, _)| own == key);
        if self.is_prismas && has(&self.pairs, "sslcert") && !has(&self.pairs, "sslkey") {
            return Err(
                "`sslcert` means the server's root certificate in Prisma and the client's certificate in libpq; \
                 write sslmode=verify-full&sslrootcert=FILE"
                    .to_owned(),
            );
        }
        if let Some(mode) = self.ssl.take().filter(|_| !has(&self.pairs, "sslmode")) {
            let mode = if self.trusts_anyone {
                "require".to_owned()
            } else {
                mode
            };
            self.push("sslmode", mode);
        }
        self.add_hosts();
        if self.dialect == Dialect::Java && !has(&self.pairs, "service") {
            // What pgJDBC takes where nothing is said, whatever PGHOST and PGPORT are.
            for (key, default) in [("host", "localhost"), ("port", "5432")] {
                if !has(&self.pairs, key) {
                    self.push(key, default);
                }
            }
        }
        if !self.settings.is_empty() {
            let own = self.pairs.iter().rposition(|(key, _)| key == "options");
            let own = own.map(|at| self.pairs.remove(at).1);
            let settings = self
                .settings
                .iter()
                .map(|(name, value)| format!("-c {name}={}", escape_option(value)));
            let options: Vec<String> = own.into_iter().chain(settings).collect();
            self.push("options", options.join(" "));
        }
        Ok(self.pairs)
    }

    /// `host=a:1&host=b:2` → `host=a,b`, `port=1,2`. A lone path or name stays as it is.
    fn add_hosts(&mut self) {
        let hosts: Vec<(&str, &str)> = self
            .hosts
            .iter()
            .map(|host| match host.rsplit_once(':') {
                Some((name, port))
                    if !name.contains([':', '/'])
                        && port.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    (name, port)
                }
                _ => (host.as_str(), ""),
            })
            .collect();
        if hosts.is_empty() {
            return;
        }
        let join = |part: fn(&(&str, &str)) -> String| -> String {
            let parts: Vec<String> = hosts.iter().map(part).collect();
            parts.join(",")
        };
        let names = join(|(name, _)| (*name).to_owned());
        let ports = join(|(_, port)| (*port).to_owned());
        if hosts.iter().any(|(_, port)| !port.is_empty()) {
            self.push("port", ports);
        }
        self.push("host", names);
    }
}

/// A key without what drivers write differently: `ApplicationName`, `application-name`, `application_name`.
fn plain(key: &str) -> String {
    key.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let name = text.strip_prefix(before)?.strip_suffix(after)?;
    let is_setting = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    (!name.is_empty() && name.chars().all(is_setting)).then_some(name)
}

/// In `options`, a blank or a backslash in a value has a backslash before it.
fn escape_option(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if c == '\\' || c.is_ascii_whitespace() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
