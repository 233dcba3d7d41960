-- name: PagesOfUsers :many
SELECT u.id, u.email FROM users u WHERE u.email > @after_email ORDER BY u.email LIMIT (@page_size::int + 1);
