-- name: AsJSON :one
SELECT jsonb_build_object('id', c.id, 'topic', c.topic, 'tags', jsonb_build_array(c.content_type, '@not_a_param', ':nor_this'))
FROM content c WHERE c.id = $1;
