//! A target as the environment of a program of libpq's: nothing secret stands on its command line.

use super::{Environment, Target, keyword, parameters::Parameters};
use crate::Result;

impl Target {
    /// Variable and value of what `text` and `environment` come to. Keywords without a variable, which set keepalives alone,
    /// are left out.
    ///
    /// # Errors
    /// As [`Target::resolve`].
    pub fn variables(
        text: Option<&str>,
        environment: &Environment,
    ) -> Result<Vec<(&'static str, String)>> {
        let parameters = Parameters::gather(text, environment)?;
        Ok(keyword::KEYWORDS
            .iter()
            .filter(|keyword| !matches!(keyword.name, "service" | "servicefile"))
            .filter_map(|keyword| {
                Some((keyword.variable?, parameters.text(keyword.name)?.to_owned()))
            })
            .collect())
    }
}
