-- name: GetContentWithAuthor :one
SELECT sqlc.embed(content), sqlc.embed(users)
FROM content JOIN users ON users.id = content.user_id
WHERE content.id = $1;
