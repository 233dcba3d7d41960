-- name: ListMetadataForContents :many
SELECT * FROM content_metadata WHERE content_id = ANY($1::bigint[]);
