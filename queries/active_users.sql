-- name: active_users
-- description: active users, most recently used first
-- budget: 100ms
-- param $1: values 50
SELECT u.id, u.last_used_at FROM users u WHERE u.is_active = true ORDER BY u.last_used_at DESC LIMIT $1
