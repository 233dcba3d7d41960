-- name: SaveMetadata :exec
INSERT INTO content_metadata (content_id, word_count, estimated_read_time) VALUES ($1, $2, $3);
