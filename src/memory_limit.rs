//! PURE: a limit of memory as people and platforms write it.

/// `512MB`, `1GiB`; a bare number is in megabytes, as platforms write it, unless it can only be bytes.
///
/// # Errors
/// What it is not.
pub fn parse_memory_limit(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let parsed = match text.parse::<u64>() {
        Ok(megabytes) if megabytes < 1 << 20 => Ok(megabytes << 20),
        Ok(bytes) => Ok(bytes),
        Err(_) => text
            .parse::<bytesize::ByteSize>()
            .map(|size| size.as_u64())
            .map_err(|_| format!("`{text}` is not an amount of memory (try 512MB or 1GiB)")),
    };
    parsed.and_then(|bytes| {
        if bytes == 0 {
            Err("the memory limit is 0".into())
        } else {
            Ok(bytes)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_platforms_write_them() {
        for (text, bytes) in [
            ("512", 512 << 20),
            ("1GiB", 1 << 30),
            ("536870912", 536_870_912),
        ] {
            assert_eq!(parse_memory_limit(text), Ok(bytes), "{text}");
        }
        for bad in ["", "0", "much", "-5"] {
            assert!(parse_memory_limit(bad).is_err(), "{bad}");
        }
    }
}
