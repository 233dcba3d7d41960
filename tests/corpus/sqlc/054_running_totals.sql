-- name: RunningTotals :many
SELECT cm.content_id, sum(cm.word_count) OVER (ORDER BY cm.content_id) FROM content_metadata cm WHERE cm.content_id < $1 LIMIT 10;
