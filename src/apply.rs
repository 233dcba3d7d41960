//! Carries a Plan out: build, watch, retry, adopt, clean up.
