-- Triggers that are disabled, or fire on replicas only, or always.
-- Servers: 13 to 18. Privileges: none.
SELECT t.tgrelid, t.tgname::text, t.tgenabled, t.tgisinternal, nullif(t.tgconstraint, 0)
FROM pg_trigger t
WHERE t.tgenabled <> 'O'
