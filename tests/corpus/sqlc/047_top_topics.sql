-- name: TopTopics :many
SELECT topic, count(*) FROM content GROUP BY topic ORDER BY count(*) DESC, topic LIMIT $1;
