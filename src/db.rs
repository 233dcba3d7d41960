//! Connecting, and what the driver says when something fails. The only room that opens connections.

mod attempt;
mod cancel;
mod connect;
mod drive;
mod mask;
mod pool;
mod pooler;
mod refusal;
mod session;
mod settings;
mod target;
mod text_parameter;
mod tls;
mod version;

pub(crate) use self::tls::{Unverified, certificates};
pub use self::{
    cancel::Canceller,
    mask::{mask_password, mask_text},
    pool::{Pool, PooledClient},
    pooler::{is_statement_pool, is_transaction_pool},
    session::{Session, backend_pid, connect, connect_to},
    settings::{ConnectionConfig, PoolConfig},
    target::{Environment, Target},
    text_parameter::TextParameter,
    version::ServerVersion,
};
pub use crate::error::{describe_error, hint_for, is_connection_loss, sqlstate};
