//! A pool of connections for parallel reads, sized for a small hosted database.

use std::sync::{Arc, Mutex};

use deadpool_postgres::{
    Connect, Hook, HookError, Manager, ManagerConfig, PoolError, RecyclingMethod, Runtime,
};

use super::{
    ConnectionConfig, PoolConfig, connect as connecting, describe_error, session::supported,
    target::Target,
};
use crate::{Error, Result, duration::HumanDuration};

/// Opens connections as they are needed, up to a maximum; checks each before it is used again; replaces one
/// that is dead or past its lifetime. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pool {
    pool: deadpool_postgres::Pool,
    settings: PoolConfig,
    failure: Arc<Mutex<Option<Error>>>,
}

/// A connection on loan. Dereferences to the driver's client; goes back when dropped.
pub type PooledClient = deadpool_postgres::Client;

impl Pool {
    /// Makes the pool; opens nothing yet.
    ///
    /// # Errors
    /// [`Error::Config`] where the connection's settings are wrong.
    pub fn new(config: &ConnectionConfig, purpose: &str) -> Result<Self> {
        let settings = config.pool.clone();
        let failure = Arc::new(Mutex::new(None));
        let manager = Manager::from_connect(
            tokio_postgres::Config::new(),
            Connector {
                target: config.target()?,
                purpose: purpose.to_owned(),
                failure: failure.clone(),
            },
            // An empty query before each use: `is_closed` alone misses a server that is gone.
            ManagerConfig {
                recycling_method: RecyclingMethod::Verified,
            },
        );
        let lifetime = settings.lifetime;
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(settings.size)
            .wait_timeout(Some(settings.wait))
            .recycle_timeout(Some(settings.wait))
            .runtime(Runtime::Tokio1)
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                if metrics.age() > lifetime {
                    Err(HookError::message("the connection is past its lifetime"))
                } else {
                    Ok(())
                }
            }))
            .build()
            .map_err(|error| Error::Config {
                message: format!("the connection pool: {error}"),
                hint: "see [pool] in dbaudit.toml".to_owned(),
            })?;
        Ok(Self {
            pool,
            settings,
            failure,
        })
    }

    /// A connection, waiting for a free one where all are on loan.
    ///
    /// # Errors
    /// As [`super::connect`]; [`Error::CannotJudge`] where none came free in time.
    pub async fn get(&self) -> Result<PooledClient> {
        match self.pool.get().await {
            Ok(client) => Ok(client),
            Err(PoolError::Backend(error)) => {
                let kept = self.failure.lock().ok().and_then(|mut kept| kept.take());
                Err(kept.unwrap_or_else(|| Error::Connect {
                    message: format!("cannot connect: {}", describe_error(&error)),
                    hint: String::new(),
                    passes: false,
                }))
            }
            Err(PoolError::Timeout(_)) => Err(Error::CannotJudge {
                message: format!(
                    "all {} connections of the pool were still in use after {}",
                    self.settings.size,
                    HumanDuration(self.settings.wait)
                ),
                hint: "raise size or wait under [pool] in dbaudit.toml".to_owned(),
            }),
            Err(error) => Err(Error::CannotJudge {
                message: format!("the connection pool: {error}"),
                hint: String::new(),
            }),
        }
    }

    /// Connections open now, idle or on loan.
    pub fn size(&self) -> usize {
        self.pool.status().size
    }
}

/// Opens the pool's connections as every other one is opened. deadpool wants the driver's error; ours says
/// more, and waits in `failure` for [`Pool::get`].
struct Connector {
    target: Target,
    purpose: String,
    failure: Arc<Mutex<Option<Error>>>,
}

type Connecting<'a> = std::pin::Pin<
    Box<
        dyn Future<
                Output = Result<
                    (tokio_postgres::Client, tokio::task::JoinHandle<()>),
                    tokio_postgres::Error,
                >,
            > + Send
            + 'a,
    >,
>;

impl Connect for Connector {
    fn connect(&self, _: &tokio_postgres::Config) -> Connecting<'_> {
        Box::pin(async {
            let opened = connecting::open(&self.target, &self.purpose)
                .await
                .and_then(|opened| supported(&opened).map(|_| opened));
            match opened {
                Ok(opened) => Ok((opened.client, opened.task)),
                Err(error) => {
                    if let Ok(mut kept) = self.failure.lock() {
                        *kept = Some(error);
                    }
                    Err(stand_in())
                }
            }
        })
    }
}

/// The driver's errors cannot be made from outside, except by asking it for something wrong.
fn stand_in() -> tokio_postgres::Error {
    match "keepalives=yes".parse::<tokio_postgres::Config>() {
        Err(error) => error,
        Ok(_) => unreachable!("the driver reads keepalives as a number"),
    }
}
