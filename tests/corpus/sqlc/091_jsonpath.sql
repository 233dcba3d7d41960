-- name: JSONPath :many
SELECT id FROM content WHERE jsonb_build_object('t', topic) @> jsonb_build_object('t', @topic::text) AND user_id = @user_id LIMIT 5;
