-- name: AverageReadTime :one
SELECT avg(m.estimated_read_time)::float8 FROM content_metadata m JOIN content c ON c.id = m.content_id WHERE c.content_type = $1;
