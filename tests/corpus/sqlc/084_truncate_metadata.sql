-- name: TruncateMetadata :exec
TRUNCATE content_metadata;
