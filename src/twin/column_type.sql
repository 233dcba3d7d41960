-- The type of what an index's expression yields: its column has that in which the class of operators keeps it, such as the texts of a
-- text search vector (examine_attribute in analyze.c). 2277: anyarray, kept by element.
CASE WHEN coalesce(k.opckeytype, 0) = 0 THEN a.atttypid
     WHEN k.opcintype = 2277 THEN (SELECT typarray FROM pg_type WHERE oid = a.atttypid)
     WHEN k.opcintype IN (SELECT oid FROM pg_type WHERE typtype = 'p') THEN a.atttypid
     ELSE k.opcintype END
