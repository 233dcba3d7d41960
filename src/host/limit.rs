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
