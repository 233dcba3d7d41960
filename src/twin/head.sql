SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int / 10000 AS major,
       current_setting('block_size')::int AS block_size,
       d.datname AS name, pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
       CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS provider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
       now() AS taken_at,
       (SELECT coalesce(json_agg(extname ORDER BY oid), '[]') FROM pg_extension WHERE extname <> 'plpgsql') AS extensions,
       (SELECT coalesce(json_agg(rolname), '[]') FROM pg_roles
        WHERE oid IN (SELECT unnest(polroles) FROM pg_policy) AND oid <> 0) AS roles,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser
FROM pg_database d
WHERE d.datname = current_database()
