-- name: LongReads :many
SELECT m.content_id, m.word_count FROM content_metadata m WHERE m.estimated_read_time >= $1 ORDER BY m.word_count DESC LIMIT $2;
