//! Connecting, and what the driver says when something fails. The only room that opens connections.

mod error;
mod mask;
mod session;

pub use self::{
    error::{describe_error, hint_for, is_connection_loss, sqlstate},
    mask::mask_password,
    session::{Canceller, ServerVersion, Session, connect},
};
