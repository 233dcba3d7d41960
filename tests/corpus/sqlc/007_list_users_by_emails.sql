-- name: ListUsersByEmails :many
SELECT * FROM users WHERE email = ANY(sqlc.arg(emails)::text[]) ORDER BY email;
