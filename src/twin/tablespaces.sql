-- The tablespaces in which the database has tables or indexes, with the costs that are set for them. Its own has no name, since that of
-- the twin is called otherwise.
SELECT CASE WHEN s.oid <> d.dattablespace THEN s.spcname END AS name, coalesce(s.spcoptions, '{}') AS options
FROM pg_tablespace s JOIN pg_database d ON d.datname = current_database()
WHERE s.oid = d.dattablespace AND s.spcoptions IS NOT NULL
   OR s.spcname !~ '^pg_' AND s.oid IN (SELECT reltablespace FROM pg_class)
ORDER BY s.oid
