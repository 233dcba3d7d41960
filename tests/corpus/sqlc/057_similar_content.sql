-- name: SimilarContent :many
WITH this AS (SELECT topic, audience_level FROM content WHERE id = @id)
SELECT c.id FROM content c JOIN this ON this.topic = c.topic AND this.audience_level = c.audience_level
WHERE c.id <> @id LIMIT @max_rows::int;
