-- name: DeleteContent :exec
DELETE FROM content WHERE id = $1;
