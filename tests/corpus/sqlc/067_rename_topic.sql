-- name: RenameTopic :execrows
UPDATE content SET topic = @new_topic WHERE topic = @old_topic;
