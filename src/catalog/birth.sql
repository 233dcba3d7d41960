-- Transactions since the last checkpoint began: what is younger was made after it.
-- Servers: 13 to 18. Privileges: EXECUTE on pg_control_checkpoint, which everyone has.
SELECT age(split_part(next_xid, ':', 2)::xid)
FROM pg_control_checkpoint()
