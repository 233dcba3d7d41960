-- name: WordCountPercentile :one
SELECT percentile_cont(@fraction::float8) WITHIN GROUP (ORDER BY word_count) FROM content_metadata;
