-- name: GetUserAndCount :one
-- One of two in a file.
SELECT u.*, (SELECT count(*) FROM content c WHERE c.user_id = u.id) AS pieces FROM users u WHERE u.id = $1;

-- name: GetUserNameOnly :one
SELECT display_name FROM users WHERE id = @id
