//! From gathered parameters to a [`Target`].

use std::time::Duration;

use tokio_postgres::config::ChannelBinding;

use super::{
    Environment, Keepalive, SessionAttrs, Target, hosts, parameters::Parameters, tls::TlsSettings,
};
use crate::{Error, Result, db::ConnectionConfig};

impl Target {
    /// Resolves where to connect: connection string over service over environment over defaults.
    ///
    /// # Errors
    /// [`Error::Config`] naming the keyword and where it came from. Values are not repeated.
    pub fn resolve(
        text: Option<&str>,
        settings: &ConnectionConfig,
        environment: &Environment,
    ) -> Result<Self> {
        let parameters = Parameters::gather(text, environment)?;
        let user = match parameters.text("user") {
            Some(user) => user.to_owned(),
            None => Environment::user().ok_or_else(|| Error::Config {
                message: "no user is given, and the operating system does not report a name for the current one"
                    .to_owned(),
                hint: "name the user in the connection string, or in PGUSER".to_owned(),
            })?,
        };
        let dbname = parameters.text("dbname").unwrap_or(&user).to_owned();
        let tls = TlsSettings::resolve(&parameters, environment)?;
        let switch = |key| parameters.choice(key, true, &[("0", false), ("1", true)]);
        Ok(Self {
            hosts: hosts::resolve(&parameters, &user, &dbname, environment)?,
            user,
            dbname,
            options: parameters.text("options").map(str::to_owned),
            application_name: parameters.text("application_name").map(str::to_owned),
            tls,
            session_attrs: parameters.choice(
                "target_session_attrs",
                SessionAttrs::Any,
                &[
                    ("any", SessionAttrs::Any),
                    ("read-write", SessionAttrs::ReadWrite),
                    ("read-only", SessionAttrs::ReadOnly),
                    ("primary", SessionAttrs::Primary),
                    ("standby", SessionAttrs::Standby),
                    ("prefer-standby", SessionAttrs::PreferStandby),
                ],
            )?,
            connect_timeout: connect_timeout(&parameters, settings)?,
            keepalive: if switch("keepalives")? {
                Some(keepalive(&parameters)?)
            } else {
                None
            },
            tcp_user_timeout: positive(&parameters, "tcp_user_timeout")?.map(Duration::from_millis),
            channel_binding: parameters.choice(
                "channel_binding",
                ChannelBinding::Prefer,
                &[
                    ("disable", ChannelBinding::Disable),
                    ("prefer", ChannelBinding::Prefer),
                    ("require", ChannelBinding::Require),
                ],
            )?,
            shuffle: parameters.choice(
                "load_balance_hosts",
                false,
                &[("disable", false), ("random", true)],
            )?,
        })
    }
}

/// The flag, else the keyword (seconds; 0 or less: for ever), else the configuration file or the default.
fn connect_timeout(
    parameters: &Parameters,
    settings: &ConnectionConfig,
) -> Result<Option<Duration>> {
    let limit = match (
        settings.timeout_is_explicit,
        parameters.number("connect_timeout")?,
    ) {
        (false, Some(seconds)) => Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
        _ => settings.timeout,
    };
    Ok(Some(limit).filter(|limit| !limit.is_zero()))
}

/// A server that is gone is noticed within two minutes, where the system's defaults take two hours.
fn keepalive(parameters: &Parameters) -> Result<Keepalive> {
    let seconds = |key, default| -> Result<Duration> {
        Ok(Duration::from_secs(
            positive(parameters, key)?.unwrap_or(default),
        ))
    };
    Ok(Keepalive {
        idle: seconds("keepalives_idle", 60)?,
        interval: seconds("keepalives_interval", 10)?,
        count: positive(parameters, "keepalives_count")?
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(6),
    })
}

/// A number above zero; zero and less ask for the default.
fn positive(parameters: &Parameters, key: &str) -> Result<Option<u64>> {
    Ok(parameters
        .number(key)?
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| *number > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::target::{ParameterSource, PasswordSource};

    fn target(text: &str, environment: &Environment) -> Result<Target> {
        Target::resolve(Some(text), &ConnectionConfig::default(), environment)
    }

    #[test]
    fn the_connection_string_wins_over_the_service_and_that_over_the_environment() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "[shop]\nhost=service\ndbname=service\nuser=service\n",
        )
        .unwrap();
        let environment = Environment::from([
            ("PGSERVICE", "shop"),
            ("PGSERVICEFILE", file.path().to_str().unwrap()),
            ("PGHOST", "variable"),
            ("PGDATABASE", "variable"),
            ("PGUSER", "variable"),
            ("PGPORT", "5433"),
            ("PGCONNECT_TIMEOUT", "3"),
            ("PGPASSWORD", ""),
        ]);
        let target = target("host=string", &environment).unwrap();
        assert_eq!(target.hosts[0].to_string(), "string:5433");
        assert_eq!(
            (target.dbname.as_str(), target.user.as_str()),
            ("service", "service")
        );
        assert_eq!(target.connect_timeout, Some(Duration::from_secs(3)));
        assert!(target.hosts[0].password.is_none());
    }

    #[test]
    fn hosts_and_ports_are_paired_and_each_host_has_its_own_password() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "b:5433:d:u:of b\n*:*:*:u:of the rest\n").unwrap();
        let environment = Environment::from([("PGPASSFILE", file.path().to_str().unwrap())]);
        let target = target("postgres://u@a:1,b:5433,/sock/d", &environment);
        // The third entry ends the authority: it is the database's name.
        assert!(target.is_ok_and(|target| target.hosts.len() == 3 && target.dbname == "sock/d"));
        let target = super::Target::resolve(
            Some("host=a,b,/sock port=1,5433,2 user=u dbname=d"),
            &ConnectionConfig::default(),
            &environment,
        )
        .unwrap();
        let shown: Vec<String> = target.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a:1", "b:5433", "the socket /sock/.s.PGSQL.2"]);
        let passwords: Vec<&str> = target
            .hosts
            .iter()
            .filter_map(|host| Some(host.password.as_ref()?.text.as_str()))
            .collect();
        assert_eq!(passwords, ["of the rest", "of b", "of the rest"]);
    }

    #[test]
    fn a_password_is_never_shown_and_its_source_is() {
        let environment = Environment::from([("PGPASSWORD", "s3cret")]);
        let target = target("host=h user=u", &environment).unwrap();
        let password = target.hosts[0].password.as_ref().unwrap();
        assert_eq!(password.text, "s3cret");
        assert!(matches!(
            password.source,
            PasswordSource::Parameter(ParameterSource::Variable("PGPASSWORD"))
        ));
        assert!(!format!("{target:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        for (text, says) in [
            ("host=h hots=x", "`hots`"),
            ("host=h port=seven", "`port`"),
            ("host=h port=0", "`port`"),
            ("host=a,b port=1,2,3", "`port`"),
            ("host=a,b hostaddr=1.2.3.4", "`hostaddr`"),
            ("host=h sslmode=maybe", "`sslmode`"),
            ("host=h sslmode=require sslrootcert=system", "verify-full"),
            ("host=h sslnegotiation=direct", "sslmode"),
            ("host=h requirepeer=postgres", "`requirepeer`"),
            ("host=h connect_timeout=soon", "`connect_timeout`"),
            ("host=h service=none", "no service `none`"),
            ("postgres://u:p/s3cret@h/d", "%2F"),
            ("localhost", "neither a URL nor key=value"),
        ] {
            let error = target(text, &Environment::default()).unwrap_err();
            assert_eq!(error.outcome().status(), 2);
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_require_with_roots_verifies_them_as_libpq_does() {
        use crate::db::target::TlsMode;
        for (text, mode) in [
            ("host=h", TlsMode::Prefer),
            ("host=h sslmode=allow", TlsMode::Prefer),
            ("host=h sslmode=require", TlsMode::Require),
            (
                "host=h sslmode=require sslrootcert=ca.pem",
                TlsMode::VerifyCa,
            ),
            ("host=h sslrootcert=system", TlsMode::VerifyFull),
        ] {
            let target = target(text, &Environment::from([("HOME", "/nowhere")])).unwrap();
            assert_eq!(target.tls.mode, mode, "{text}");
        }
    }
}
