use serde::Serialize;

/// The server's version.
#[derive(Debug, Clone, Serialize)]
pub struct Server {
    /// `15.18 (Debian …)`.
    pub version: String,
    /// `150018`.
    pub version_num: u32,
}
