-- name: CountContentByTypeOfUser :many
SELECT content_type, count(*)::int AS total FROM content WHERE user_id = @user_id GROUP BY 1 HAVING count(*) > @min_count::bigint;
