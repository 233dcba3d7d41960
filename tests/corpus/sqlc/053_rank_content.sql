-- name: RankContent :many
SELECT id, rank() OVER (PARTITION BY content_type ORDER BY generated_at DESC) FROM content WHERE user_id = @user_id;
