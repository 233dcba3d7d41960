-- Purpose:    no timeout of the role's or the database's own cuts a measurement short; a statement outside the timed
--             transactions has a minute
-- Versions:   13 and later; transaction_timeout is there from 17 on, idle_session_timeout from 14 on
-- Privileges: none
SET statement_timeout = '60s';
SELECT pg_catalog.set_config(s.name, '0', false)
  FROM pg_catalog.pg_settings s
 WHERE s.name IN ('idle_in_transaction_session_timeout', 'idle_session_timeout',
                  'transaction_timeout', 'lock_timeout')
