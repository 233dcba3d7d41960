-- name: UpdateAudience :exec
UPDATE content c SET audience_level = $1 FROM users u WHERE u.id = c.user_id AND u.email = $2;
