//! The results: the one value per command that every output format receives.
