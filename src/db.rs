//! Connecting, and what the driver says when something fails. The only room that opens connections.

mod attempt;
mod cancel;
mod connect;
mod drive;
mod error;
mod mask;
mod pool;
mod pooler;
mod refusal;
mod session;
mod target;
mod text_parameter;
mod tls;
mod version;

pub(crate) use self::tls::{Unverified, certificates};
pub use self::{
    cancel::Canceller,
    error::{describe_error, hint_for, is_connection_loss, sqlstate},
    mask::{mask_password, mask_text},
    pool::{Pool, PooledClient},
    pooler::{is_statement_pool, is_transaction_pool},
    session::{OLDEST_MAJOR, Session, connect, connect_to},
    target::{Environment, Target},
    text_parameter::TextParameter,
    version::ServerVersion,
};
