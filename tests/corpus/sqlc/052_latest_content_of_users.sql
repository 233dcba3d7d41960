-- name: LatestContentOfUsers :many
SELECT u.id, latest.id AS content_id FROM users u
CROSS JOIN LATERAL (SELECT c.id FROM content c WHERE c.user_id = u.id ORDER BY c.id DESC LIMIT 1) latest
WHERE u.id BETWEEN $1 AND $2 LIMIT 5;
