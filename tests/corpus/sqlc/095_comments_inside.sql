-- name: CommentsInside :many
SELECT id -- the key; not @this
  , topic /* nor :that */
FROM content
WHERE user_id = $1 -- whose
LIMIT 5;
