SELECT i.indexrelid::bigint AS index, c.oid::bigint AS constraint
FROM pg_index i
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')
WHERE i.indexrelid >= 16384
