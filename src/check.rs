//! PURE: one file per check, one registry that everything iterates.
