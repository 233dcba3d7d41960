-- name: ListContentByUnnestedIDs :many
SELECT c.id, c.topic FROM content c JOIN unnest(@ids::bigint[]) AS wanted(id) ON wanted.id = c.id;
