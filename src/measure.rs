//! The clock: runs a prepared query and returns raw samples and the server's plan.
