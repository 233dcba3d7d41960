-- Checkpoints and the background writer: one view up to 16, two from 17 on.
-- Servers: 13 to 18. Privileges: none.
SELECT c.num_timed, c.num_requested, c.write_time, c.sync_time, c.buffers_written, -- 17+
-- <17: SELECT b.checkpoints_timed, b.checkpoints_req, b.checkpoint_write_time, b.checkpoint_sync_time, b.buffers_checkpoint,
       b.buffers_clean, b.maxwritten_clean,
       NULL::int8, c.stats_reset -- 17+
-- <17: b.buffers_backend, b.stats_reset
FROM pg_stat_bgwriter b
CROSS JOIN pg_stat_checkpointer c -- 17+
