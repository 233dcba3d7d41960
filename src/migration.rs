//! Index-migration files → desired index specifications; the history.
