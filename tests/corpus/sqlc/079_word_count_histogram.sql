-- name: WordCountHistogram :many
SELECT width_bucket(word_count, $1::int, $2::int, $3::int) AS bucket, count(*) FROM content_metadata GROUP BY 1 ORDER BY 1;
