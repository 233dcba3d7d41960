-- name: DeleteContentOfUser :execrows
DELETE FROM content WHERE user_id = @user_id AND generated_at < @before;
