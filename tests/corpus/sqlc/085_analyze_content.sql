-- name: AnalyzeContent :exec
ANALYZE content;
