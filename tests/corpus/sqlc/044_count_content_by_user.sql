-- name: CountContentByUser :one
SELECT count(*) FROM content WHERE user_id = $1;
