-- name: ArraySlices :many
SELECT (array_agg(c.id ORDER BY c.id))[1:3] FROM content c WHERE c.user_id = $1;
