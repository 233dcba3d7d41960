-- name: IncrementWordCount :one
UPDATE content_metadata SET word_count = word_count + @by_words::int WHERE content_id = @content_id RETURNING word_count;
