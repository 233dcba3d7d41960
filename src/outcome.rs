//! The exit statuses, the same for every command.

/// How a command ended. [`Outcome::status`] is the process's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0: done, and nothing to object to.
    Success,
    /// 1: done, and the verdict is bad: a query over its budget, a finding at or above `--fail-on`, an
    /// index that could not be brought to its desired state.
    Objection,
    /// 2: the command line, the configuration, a migration file or a query file is wrong: nothing was
    /// sent to the server.
    Invalid,
    /// 3: could not judge: no connection, no permission, the server went away for good, a verdict that stayed
    /// inconclusive.
    CannotJudge,
    /// 130: interrupted by SIGINT or SIGTERM, after cleaning up.
    Interrupted,
}

impl Outcome {
    pub fn status(self) -> u8 {
        match self {
            Outcome::Success => 0,
            Outcome::Objection => 1,
            Outcome::Invalid => 2,
            Outcome::CannotJudge => 3,
            Outcome::Interrupted => 130,
        }
    }
}

/// The table of exit statuses as `--help`, the man page and the README show it.
pub const EXIT_STATUSES: &str = "\
Exit status:
  0    success
  1    finished with a bad verdict: a query over its budget, a finding at or above --fail-on,
       or an index that could not be brought to its desired state
  2    an error in the command line, the configuration, a migration file or a query file:
       nothing was sent to the server
  3    no verdict: no connection, no permission, a lost server, or an inconclusive result
  130  interrupted by SIGINT, SIGTERM or SIGHUP, after cleaning up";
