-- name: TopAuthors :many
SELECT u.id, u.email, count(c.id) AS pieces
FROM users u JOIN content c ON c.user_id = u.id
WHERE c.generated_at >= $1
GROUP BY u.id, u.email
ORDER BY pieces DESC
LIMIT $2;
