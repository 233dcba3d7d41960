//! A target as `dbaudit config` shows it: every parameter with its source, nothing secret.

use super::{Environment, Target, keyword::is_public, parameters::Parameters};
use crate::Result;

impl Target {
    /// Keyword, value and source (`None`: nobody said anything) of what `text` and `environment` come to.
    ///
    /// # Errors
    /// As [`Target::resolve`].
    pub fn parameters(
        &self,
        text: Option<&str>,
        environment: &Environment,
    ) -> Result<Vec<(String, String, Option<String>)>> {
        let parameters = Parameters::gather(text, environment)?;
        let mut shown: Vec<(String, String, Option<String>)> = parameters
            .iter()
            .map(|(key, value, source)| {
                let value = if is_public(key) { value } else { "***" };
                (key.to_owned(), value.to_owned(), Some(source.to_string()))
            })
            .collect();
        let list = |part: fn(&super::Host) -> String| -> String {
            let parts: Vec<String> = self.hosts.iter().map(part).collect();
            parts.join(",")
        };
        for (key, value) in [
            ("host", list(|host| host.name.clone())),
            ("port", list(|host| host.port.to_string())),
            ("user", self.user.clone()),
            ("dbname", self.dbname.clone()),
        ] {
            if parameters.text(key).is_none() {
                shown.push((key.to_owned(), value, None));
            }
        }
        if let (None, Some(password)) = (
            parameters.text("password"),
            self.hosts.iter().find_map(|host| host.password.as_ref()),
        ) {
            let source = password.source.to_string();
            shown.push(("password".to_owned(), "***".to_owned(), Some(source)));
        }
        shown.sort();
        Ok(shown)
    }
}
