//! The server's version, from what it says at the start of a session.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    /// As the server prints it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub text: String,
    /// `server_version_num`: 150018.
    pub number: u32,
}

impl ServerVersion {
    /// Reads `15.18 (Debian 15.18-0+deb12u1)`, `18beta1`, `9.6.24`; the number is what the server's own
    /// `server_version_num` is. `None`: no number stands at its start.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let mut parts = text[..end].split('.').map(str::parse::<u32>);
        let major = parts.next()?.ok().filter(|major| *major < 10_000)?;
        let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
        let number = if major >= 10 {
            major * 10_000 + next().min(9_999)
        } else {
            major * 10_000 + next().min(99) * 100 + next().min(99)
        };
        Some(Self {
            text: text.to_owned(),
            number,
        })
    }

    /// The major version: 15.
    pub fn major(&self) -> u32 {
        self.number / 10_000
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_numbered_as_the_server_numbers_them() {
        for (text, number) in [
            ("15.18 (Debian 15.18-0+deb12u1)", Some(150_018)),
            ("18beta1", Some(180_000)),
            ("13.23", Some(130_023)),
            ("9.6.24", Some(90_624)),
            ("12.4", Some(120_004)),
            ("devel", None),
            ("", None),
        ] {
            assert_eq!(
                ServerVersion::parse(text).map(|v| v.number),
                number,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = ServerVersion::parse(&text);
        }
    }
}
