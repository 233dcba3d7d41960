-- name: DeleteContentReturning :many
DELETE FROM content WHERE id = ANY(@ids::bigint[]) RETURNING id, topic;
