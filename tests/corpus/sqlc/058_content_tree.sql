-- name: ContentTree :many
WITH RECURSIVE steps AS (
    SELECT 1 AS n
    UNION ALL
    SELECT n + 1 FROM steps WHERE n < $1::int
)
SELECT n FROM steps;
