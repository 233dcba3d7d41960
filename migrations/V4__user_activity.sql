-- Recent activity of active users.
CREATE INDEX CONCURRENTLY idx_user_activity ON users (last_used_at DESC) WHERE is_active = true;
