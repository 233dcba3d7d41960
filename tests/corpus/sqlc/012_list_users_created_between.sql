-- name: ListUsersCreatedBetween :many
SELECT * FROM users WHERE created_at BETWEEN @from_time AND @to_time ORDER BY created_at LIMIT 100;
