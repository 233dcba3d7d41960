//! The results: the one value per command that every output format receives.

mod settings;

pub use self::settings::Settings;
