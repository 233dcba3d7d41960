-- name: content_search
-- description: search by type and audience, newest first, with the metadata
-- budget: 100ms
-- param $1: column content.content_type
-- param $2: column content.audience_level
-- param $3: values 20
SELECT c.*, cm.word_count, cm.estimated_read_time FROM content c LEFT JOIN content_metadata cm ON c.id = cm.content_id WHERE c.content_type = $1 AND c.audience_level = $2 ORDER BY c.generated_at DESC LIMIT $3
