-- name: SetWordCount :exec
UPDATE content_metadata SET word_count = $1, estimated_read_time = $1 / 200 WHERE content_id = $2;
