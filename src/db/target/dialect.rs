//! URLs as ORMs and drivers write them: what their schemes and parameters come to in libpq's words.
//!
//! What stands here is documented by SQLAlchemy, asyncpg, Prisma, pgJDBC, R2DBC, node-postgres, pgx, lib/pq, sqlx, Ecto,
//! Rails, Django (dj-database-url), Doctrine, dbmate and golang-migrate. A parameter of the client's pool or cache means
//! nothing here. One that would make the connection safer, or another one, is taken over or refused, never ignored.

use std::borrow::Cow;

use super::keyword;

/// Whose reading of a URL counts where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Libpq,
    /// SQLAlchemy and its kin: `postgresql+asyncpg://`.
    Python,
    /// `jdbc:postgresql://` and its kin.
    Java,
}

/// Names of PostgreSQL in the schemes of drivers and ORMs.
const SERVERS: &[&str] = &[
    "postgres",
    "postgresql",
    "postgis",
    "pgsql",
    "psql",
    "pg",
    "pq",
    "pgx",
    "pgx4",
    "pgx5",
    "ecto",
    "asyncpg",
    "psycopg",
    "psycopg2",
    "psycopg3",
    "pdo-pgsql",
    "postgresext",
    "postgresqlext",
    "timescale",
    "jdbcpostgresql",
];

/// What SQLAlchemy and its kin write behind a `+`.
const DRIVERS: &[&str] = &[
    "asyncpg",
    "psycopg",
    "psycopg2",
    "psycopg3",
    "psycopg_async",
    "psycopg2cffi",
    "psycopgcffi",
    "aiopg",
    "pg8000",
    "pygresql",
    "pypostgresql",
    "asyncpgsa",
    "pool",
    "pooled",
];

/// What stands before `postgresql:` in the URLs of Java.
const WRAPPERS: &[&str] = &[
    "jdbc:",
    "r2dbc:",
    "vertx-reactive:",
    "pool:",
    "aws-wrapper:",
    "otel:",
    "p6spy:",
    "log4jdbc:",
];

/// Whose URL it is, and what stands behind its `://`.
pub(super) fn of(text: &str) -> Result<(Dialect, Cow<'_, str>), String> {
    for plain in ["postgres://", "postgresql://"] {
        if let Some(rest) = text.strip_prefix(plain) {
            return Ok((Dialect::Libpq, Cow::Borrowed(rest)));
        }
    }
    if is_of_java(text) {
        return of_java(text);
    }
    let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
    let (server, driver) = match scheme.split_once('+') {
        Some((server, driver)) => (server, Some(driver)),
        None => (scheme, None),
    };
    let server = server.to_ascii_lowercase().replace('_', "-");
    if server == "prisma" {
        return Err(format!(
            "`{scheme}://` is the address of Prisma's proxy, which does not accept SQL; use the URL of the \
             server itself, postgresql://…, as in Prisma's directUrl"
        ));
    }
    if !SERVERS.contains(&server.as_str()) {
        return Err(format!(
            "`{scheme}://` is not a PostgreSQL scheme; write postgres://"
        ));
    }
    match driver {
        None => Ok((Dialect::Libpq, Cow::Borrowed(rest))),
        Some(driver) if DRIVERS.contains(&driver.to_ascii_lowercase().as_str()) => {
            Ok((Dialect::Python, Cow::Borrowed(rest)))
        }
        Some(driver) => Err(format!(
            "`{scheme}://` names a driver that dbaudit does not know; write postgresql:// without `+{driver}` \
             if the rest is the server's address"
        )),
    }
}

/// Whether it begins as the URLs of Java do, which may go without `//`.
pub(super) fn is_of_java(text: &str) -> bool {
    ["jdbc:", "r2dbc:", "vertx-reactive:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

fn of_java(text: &str) -> Result<(Dialect, Cow<'_, str>), String> {
    let mut rest = text;
    while let Some(inner) = WRAPPERS
        .iter()
        .find_map(|wrapper| rest.strip_prefix(wrapper))
    {
        rest = inner;
    }
    let server = ["postgresql:", "postgres:", "pgsql:"];
    let Some(place) = server.iter().find_map(|server| rest.strip_prefix(server)) else {
        let scheme = &text[..text.len() - rest.len()];
        let kind = rest.split(':').next().unwrap_or_default();
        let kind = if keyword::is_word(kind) { kind } else { "…" };
        return Err(format!(
            "`{scheme}{kind}:` is not the address of a PostgreSQL server; write \
             jdbc:postgresql://host:5432/database, or postgresql://user@host:5432/database"
        ));
    };
    Ok((
        Dialect::Java,
        match place.strip_prefix("//") {
            Some(rest) => Cow::Borrowed(rest),
            // `jdbc:postgresql:database`: on this machine.
            None => Cow::Owned(format!("/{}", place.trim_start_matches('/'))),
        },
    ))
}

/// Takes what a URL says, and gives it in libpq's words.
#[derive(Debug)]
pub(super) struct Reading {
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
    pub(super) fn new(dialect: Dialect) -> Self {
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
    pub(super) fn push(&mut self, keyword: &str, value: impl Into<String>) {
        self.pairs.push((keyword.to_owned(), value.into()));
    }

    /// A parameter behind the `?`, the `number`th, from 1. The messages repeat no value, and a name only where it is
    /// known: either may be a part of a password.
    pub(super) fn parameter(
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
    pub(super) fn end(mut self) -> Result<Vec<(String, String)>, String> {
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

/// Pools, caches, time limits and logs of the client: dbaudit has its own.
fn is_the_clients_own(key: &str, plain: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "pool",
        "prepared",
        "preparethreshold",
        "statementcache",
        "statementtimeout",
        "locktimeout",
        "lockwaittimeout",
        "idle",
        "connmax",
        "connhealth",
        "defaultrowfetch",
        "adaptivefetch",
        "binarytransfer",
        "databasemetadatacache",
        "logger",
    ];
    const WORDS: &[&str] = &[
        "acquireincrement",
        "adapter",
        "advisorylocks",
        "allowencodingchanges",
        "assumeminserverversion",
        "asyncfallback",
        "atomicrequests",
        "autosave",
        "binaryparameters",
        "cancelsignaltimeout",
        "charset",
        "checkouttimeout",
        "cleanupsavepoints",
        "commandtimeout",
        "connectiontimeout",
        "connectiontimeoutmillis",
        "defaultqueryexecmode",
        "descriptioncachecapacity",
        "dialtimeout",
        "disablecolumnsanitiser",
        "disablepreparedbinaryresult",
        "disableserversidecursors",
        "encoding",
        "escapesyntaxcallmode",
        "executemanymode",
        "fetchtypes",
        "groupstartupparameters",
        "hideunprivilegedobjects",
        "hostrecheckseconds",
        "idleintransactionsessiontimeout",
        "initialpoolsize",
        "initialsize",
        "kerberosservername",
        "keyset",
        "log",
        "logintimeout",
        "logserrordetail",
        "logservererrordetail",
        "logunclosedconnections",
        "max",
        "maxcachedstatementlifetime",
        "maxcacheablestatementsize",
        "maxconnections",
        "maxidlepoolsize",
        "maxidletime",
        "maxlifetime",
        "maxpoolsize",
        "maxresultbuffer",
        "maxsendbuffersize",
        "maxsize",
        "maxuses",
        "min",
        "minmessages",
        "minpoolsize",
        "minreadbuffersize",
        "minsize",
        "prefersimpleprotocol",
        "prefermode",
        "preferquerymode",
        "prepare",
        "pooling",
        "protocolversion",
        "querytimeout",
        "queueinterval",
        "queuetarget",
        "quotereturningidentifiers",
        "readonly",
        "readonlymode",
        "readtimeout",
        "reapingfrequency",
        "receivebuffersize",
        "retryattempts",
        "retrydelay",
        "rewritebatchedinserts",
        "sendbuffersize",
        "serversidebinding",
        "serverversion",
        "socketoptions",
        "sockettimeout",
        "sslresponsetimeout",
        "statementlimit",
        "stringtype",
        "tcpnodelay",
        "timeout",
        "unknownlength",
        "uselibpqcompat",
        "usespnego",
        "wrapperplugins",
        "writetimeout",
        "xmlfactoryfactory",
    ];
    key.starts_with("x-")
        || BEGINNINGS
            .iter()
            .any(|beginning| plain.starts_with(beginning))
        || WORDS.contains(&plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::url::parse;

    fn pairs(url: &str) -> String {
        let mut pairs: Vec<String> = parse(url)
            .unwrap_or_else(|wrong| panic!("{url}: {wrong}"))
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.sort();
        pairs.join(" ")
    }

    /// Each as SQLAlchemy 2.1 passes it to its driver (`create_connect_args`), dj-database-url 3 to Django, and the tests of
    /// pgJDBC 42.7 have it.
    #[test]
    fn the_urls_of_other_tools_are_read_as_they_read_them() {
        for (url, expected) in [
            (
                "postgresql+asyncpg://ann:p%40ss%2Fw@db.example:6432/shop?ssl=require",
                "dbname=shop host=db.example password=p@ss/w port=6432 sslmode=require user=ann",
            ),
            (
                "postgresql+psycopg2://ann:secret@/shop?host=/var/run/postgresql&port=5433",
                "dbname=shop host=/var/run/postgresql password=secret port=5433 user=ann",
            ),
            (
                "postgresql+psycopg://ann@/shop?host=a:1&host=b:2&host=c:3",
                "dbname=shop host=a,b,c port=1,2,3 user=ann",
            ),
            (
                "postgresql+psycopg2://ann@/shop?host=a,b&port=1,2",
                "dbname=shop host=a,b port=1,2 user=ann",
            ),
            (
                "postgresql+psycopg2://ann:s+p@db/shop?options=-c+search_path%3Dapp&application_name=my+app",
                "application_name=my app dbname=shop host=db options=-c search_path=app password=s+p user=ann",
            ),
            (
                "postgresql+pg8000://ann@[::1]:5433/shop",
                "dbname=shop host=::1 port=5433 user=ann",
            ),
            (
                "postgresql+pg8000://u@/d?unix_sock=/cloudsql/a:b:c/.s.PGSQL.5432",
                "dbname=d host=/cloudsql/a:b:c port=5432 user=u",
            ),
            ("postgresql+psycopg://", ""),
            (
                "postgis://ann:p%23w@db:5433/shop?sslmode=require&currentSchema=app",
                "dbname=shop host=db options=-c search_path=app password=p#w port=5433 sslmode=require user=ann",
            ),
            ("pgsql://ann@db/shop", "dbname=shop host=db user=ann"),
            (
                "jdbc:postgresql:test",
                "dbname=test host=localhost port=5432",
            ),
            (
                "jdbc:postgresql://localhost:5433,locahost2:5434/test",
                "dbname=test host=localhost,locahost2 port=5433,5434",
            ),
            (
                "jdbc:postgresql://[::1]:5740/my%20data%23base%251?loggerFile=C%3A%5Cdir%5Cfile.log",
                "dbname=my data#base%1 host=::1 port=5740",
            ),
            ("jdbc:postgresql:///?service=shop", "service=shop"),
        ] {
            assert_eq!(pairs(url), expected, "{url}");
        }
    }

    /// Each with libpq's form of the same.
    #[test]
    fn parameters_of_other_tools_come_to_libpqs() {
        for (url, libpq) in [
            (
                "postgresql://u@h/d?schema=public&pgbouncer=true&connection_limit=1&pool_timeout=0",
                "postgresql://u@h/d?options=-c%20search_path%3D%22public%22",
            ),
            (
                "postgresql://u@h/d?schema=My%20\"App&options=-c%20jit%3Doff",
                "postgresql://u@h/d?options=-c%20jit%3Doff%20-c%20search_path%3D%22My%5C%20%22%22App%22",
            ),
            (
                "postgres://u@h/d?sslmode=require&sslaccept=accept_invalid_certs",
                "postgres://u@h/d?sslmode=require",
            ),
            (
                "jdbc:postgresql://h:1/d?user=u&password=p+w&ssl=true&ApplicationName=a",
                "postgresql://u:p%20w@h:1/d?sslmode=verify-full&application_name=a",
            ),
            (
                "jdbc:postgresql://h:1,i:2/d?user=u&sslmode=require&targetServerType=primary&loadBalanceHosts=true&\
                 currentSchema=a,b&prepareThreshold=0&reWriteBatchedInserts=true&socketTimeout=30&tcpKeepAlive=true",
                "postgresql://u@h:1,i:2/d?sslmode=require&target_session_attrs=primary&load_balance_hosts=random&\
                 options=-c%20search_path%3Da,b&keepalives=1",
            ),
            (
                "jdbc:postgresql://h:1/d?ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory",
                "postgresql://h:1/d?sslmode=require",
            ),
            (
                "r2dbc:pool:postgresql://u@h:1/d?sslMode=VERIFY_FULL",
                "postgresql://u@h:1/d?sslmode=verify-full",
            ),
            ("vertx-reactive:postgresql://h:1/d", "postgresql://h:1/d"),
            (
                "postgres://u@h/d?ssl=true",
                "postgres://u@h/d?sslmode=require",
            ),
            (
                "postgres://u@h/d?ssl=no-verify",
                "postgres://u@h/d?sslmode=require",
            ),
            (
                "postgres://u@h/d?sslmode=no-verify",
                "postgres://u@h/d?sslmode=require",
            ),
            (
                "postgres://u@h/d?ssl=0&max=20&idle_timeout=5",
                "postgres://u@h/d",
            ),
            (
                "postgres://u@h/d?pool=5&prepared_statements=false&encoding=unicode&timeout=5000",
                "postgres://u@h/d",
            ),
            (
                "postgres://u@h/d?schema_search_path=a,public",
                "postgres://u@h/d?options=-c%20search_path%3Da,public",
            ),
            (
                "ecto://u:p@h/d?ssl=true&pool_size=10",
                "postgres://u:p@h/d?sslmode=require",
            ),
            (
                "postgresql://u@h/d?serverVersion=16&charset=utf8",
                "postgresql://u@h/d",
            ),
            (
                "pgx5://u@h/d?x-migrations-table=m&sslmode=disable",
                "postgres://u@h/d?sslmode=disable",
            ),
            (
                "postgres://u@h/d?pool_max_conns=10&default_query_exec_mode=simple_protocol",
                "postgres://u@h/d",
            ),
            (
                "postgres://u@h/d?TimeZone=UTC&search_path=app",
                "postgres://u@h/d?options=-c%20timezone%3DUTC%20-c%20search_path%3Dapp",
            ),
            (
                "postgres://u@h/d?statement-cache-capacity=5&options[search_path]=app",
                "postgres://u@h/d?options=-c%20search_path%3Dapp",
            ),
            (
                "postgres://u@/d?socket=/run/pg",
                "postgres://u@/d?host=/run/pg",
            ),
        ] {
            assert_eq!(pairs(url), pairs(libpq), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_taken_over_is_refused_with_what_works() {
        for (url, says) in [
            (
                "prisma://accelerate.example/?api_key=s3cret",
                "postgresql://",
            ),
            (
                "prisma+postgres://accelerate.example/?api_key=s3cret",
                "postgresql://",
            ),
            (
                "postgresql+auroradataapi://u:s3cret@h/d",
                "postgresql:// without `+auroradataapi`",
            ),
            (
                "jdbc:tc:postgresql:16:///d?password=s3cret",
                "jdbc:postgresql://",
            ),
            ("jdbc:mysql://h/d?password=s3cret", "jdbc:postgresql://"),
            ("mysql://u:s3cret@h/d", "write postgres://"),
            (
                "postgres://u:s3cret@h/d?sslidentity=c.p12&sslpassword=s3cret",
                "sslcert=FILE&sslkey=FILE",
            ),
            (
                "postgres://u:s3cret@h/d?sslaccept=strict",
                "sslmode=verify-full",
            ),
            (
                "postgres://u:s3cret@h/d?schema=public&sslcert=ca.pem",
                "sslrootcert=FILE",
            ),
            (
                "jdbc:postgresql:///d?cloudSqlInstance=a:b:c&password=s3cret",
                "postgresql://user@127.0.0.1:5432",
            ),
            (
                "jdbc:postgresql://h/d?sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory",
                "sslrootcert=system",
            ),
            (
                "jdbc:postgresql://h/d?targetServerType=preferPrimary",
                "target_session_attrs=primary",
            ),
            ("jdbc:postgresql://h/d?s3creT!=1", "leave it out"),
            ("postgresql+psycopg2://u:s3/cret@h/d", "%2F"),
        ] {
            let message = parse(url).unwrap_err();
            assert!(message.contains(says), "{url}: {message}");
            assert!(
                !message.contains("s3cre") && !message.contains("cret@"),
                "{message}"
            );
        }
    }

    fn encode(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    proptest! {
        #[test]
        fn user_password_and_database_are_the_same_in_every_scheme(
            user in "[^\0]{1,9}", password in "[^\0]{1,9}", database in "[^\0]{1,9}"
        ) {
            let rest = format!("{}:{}@h:1/{}", encode(&user), encode(&password), encode(&database));
            let libpq = pairs(&format!("postgresql://{rest}"));
            for scheme in ["postgresql+asyncpg", "postgres+psycopg", "postgis", "jdbc:postgresql", "r2dbc:postgresql"] {
                prop_assert_eq!(&pairs(&format!("{scheme}://{rest}")), &libpq);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), query in any::<String>()) {
            for scheme in ["jdbc:postgresql:", "postgresql+psycopg://", "r2dbc:pool:", "prisma+", "postgres://h/d?"] {
                let _ = parse(&format!("{scheme}{text}?{query}"));
            }
        }
    }
}
