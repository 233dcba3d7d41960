-- name: ListContentByIDs :many
SELECT id, topic FROM content WHERE id = ANY($1::bigint[]) ORDER BY id;
