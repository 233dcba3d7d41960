//! The queries that are advised on.

use std::path::Path;

/// The repository's, with another budget. The folder's name.
pub(super) fn standard(folder: &Path, budget: &str) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    for entry in std::fs::read_dir(from).expect("queries").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a query");
        let text = text.replace("budget: 100ms", &format!("budget: {budget}"));
        assert!(text.contains(budget), "{}", entry.path().display());
        std::fs::write(folder.join(entry.file_name()), text).expect("a query");
    }
    folder.to_string_lossy().into_owned()
}

/// What an application of this kind asks for besides: `$n` of these parameters, `#` is another number each time.
const KINDS: [(&str, &[&str]); 10] = [
    (
        "SELECT c.id, c.topic FROM content c WHERE c.content_type = $1 ORDER BY c.generated_at DESC LIMIT 1#",
        &["column content.content_type"],
    ),
    (
        "SELECT c.id, c.topic FROM content c WHERE c.audience_level = $1 AND c.user_id = $2 \
         ORDER BY c.generated_at LIMIT 2#",
        &["column content.audience_level", "column content.user_id"],
    ),
    (
        "SELECT c.id, m.word_count FROM content c JOIN content_metadata m ON m.content_id = c.id \
         WHERE c.user_id = $1 ORDER BY m.word_count DESC LIMIT 3#",
        &["column content.user_id"],
    ),
    (
        "SELECT m.content_id, m.estimated_read_time FROM content_metadata m WHERE m.word_count BETWEEN 4# AND 5#",
        &[],
    ),
    (
        "SELECT u.id, u.display_name FROM users u WHERE u.email = $1 LIMIT 1#",
        &["column users.email"],
    ),
    (
        "SELECT u.id FROM users u WHERE lower(u.display_name) = 'user 1#'",
        &[],
    ),
    (
        "SELECT count(*) FROM content c WHERE c.generated_at >= $1::timestamptz - interval '#0 minutes' \
         AND c.generated_at < $1",
        &["column content.generated_at"],
    ),
    (
        "SELECT u.id, u.email FROM users u WHERE u.is_active AND u.created_at > $1 ORDER BY u.created_at LIMIT 2#",
        &["column users.created_at"],
    ),
    (
        "SELECT c.*, m.word_count FROM content c LEFT JOIN content_metadata m ON c.id = m.content_id \
         WHERE c.content_type = $1 AND c.audience_level = $2 ORDER BY c.generated_at DESC LIMIT 2# OFFSET #",
        &[
            "column content.content_type",
            "column content.audience_level",
        ],
    ),
    (
        "SELECT c.content_type, max(c.generated_at) FROM content c WHERE c.topic = $1 AND c.id > # \
         GROUP BY c.content_type",
        &["column content.topic"],
    ),
];

/// So many. The folder's name.
pub(super) fn many(folder: &Path, count: usize, budget: &str) -> String {
    for at in 0..count {
        let (kind, turn) = (at % KINDS.len(), at / KINDS.len());
        let (sql, parameters) = KINDS[kind];
        let mut text = format!("-- name: kind_{kind}_{turn}\n-- budget: {budget}\n");
        for (n, parameter) in parameters.iter().enumerate() {
            text.push_str(&format!("-- param ${}: {parameter}\n", n + 1));
        }
        // Another page size, another column of the answer, and every other one without its order.
        let mut sql = sql.replace('#', &(turn + 1).to_string());
        if turn % 2 == 1 {
            sql = sql.replacen("c.id, c.topic", "c.id, c.topic, c.audience_level", 1);
        }
        if turn == 4 {
            sql = sql.replacen("ORDER BY c.generated_at DESC", "ORDER BY c.generated_at", 1);
        }
        text.push_str(&sql);
        std::fs::write(folder.join(format!("{kind}_{turn}.sql")), text).expect("a query");
    }
    folder.to_string_lossy().into_owned()
}
