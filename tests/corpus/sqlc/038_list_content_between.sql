-- name: ListContentBetween :many
SELECT id FROM content WHERE generated_at >= sqlc.arg('since') AND generated_at < sqlc.arg('until') LIMIT 500;
