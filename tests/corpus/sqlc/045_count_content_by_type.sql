-- name: CountContentByType :many
SELECT content_type, count(*) AS total FROM content GROUP BY content_type ORDER BY total DESC;
