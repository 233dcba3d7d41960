//! Two examples for each command, below its options.

pub(super) const APPLY_INDEXES: &str = "\
Examples:
  dbaudit apply-indexes --dry-run
      Show the statements of ./migrations, and the sessions that would block them
  dbaudit apply-indexes --deadline 20m --format json-lines
      Deploy within 20 minutes, and print one event per line";

pub(super) const STATUS: &str = "\
Examples:
  dbaudit status
      Show the state of each migration in ./migrations
  dbaudit status --migrations db/indexes --format json
      The same for another folder, as JSON";

pub(super) const TIME_QUERIES: &str = "\
Examples:
  dbaudit time-queries --also junit=timing.xml
      Time the queries in ./queries, and write JUnit XML as well
  dbaudit time-queries --from-statements 20 --budget 50ms
      Time the 20 heaviest statements of pg_stat_statements";

pub(super) const ADVISE: &str = "\
Examples:
  dbaudit advise --write migrations
      Find the indexes that the queries need, and write them as migrations
  dbaudit advise --from-statements 20 --max-indexes 3
      Find the three best indexes for the statements that take the most time";

pub(super) const REPORT: &str = "\
Examples:
  dbaudit report --fail-on warning
      Report, and exit with status 1 if a finding is a warning or worse
  dbaudit report --all-databases --format html -o report.html
      Write one page about all databases of the cluster";

pub(super) const TIME_ENDPOINTS: &str = "\
Examples:
  dbaudit time-endpoints
      Time every [[endpoint]] and [[page]] of dbaudit.toml
  dbaudit time-endpoints --only search --save before.json
      Time one of them, and save the run to compare with later";

pub(super) const SERVE: &str = "\
Examples:
  dbaudit serve
      Watch the database on http://127.0.0.1:9187
  dbaudit serve --listen 0.0.0.0:9187
      Listen on all addresses; the variable DBAUDIT_TOKEN holds the token";

pub(super) const EXPLAIN: &str = "\
Examples:
  dbaudit explain missing-fk-index
      What this check means, how to confirm it and how to fix it
  dbaudit explain query-file
      The format of a query file";

pub(super) const DEMO: &str = "\
Examples:
  dbaudit demo
      Run the commands on a throwaway server
  dbaudit demo --rows 1000000 --keep
      Load more rows, keep the server running and print its URL";

pub(super) const SNAPSHOT: &str = "\
Examples:
  dbaudit snapshot --keep-values -o production.snapshot
      Write what the planner knows about the database to a file
  dbaudit snapshot --keep-values -d postgres://ann@replica/shop > shop.snapshot
      Take it from a standby, which has the same statistics";

pub(super) const TWIN: &str = "\
Examples:
  dbaudit twin production.snapshot -- psql -c 'EXPLAIN SELECT * FROM users'
      Show the plan that production would use
  dbaudit twin production.snapshot --keep
      Keep the server running and print its URL";

pub(super) const INIT: &str = "\
Examples:
  dbaudit init
      Start with an example of each file
  dbaudit init --from-database -d postgres://ann@localhost/shop
      Start with the indexes and the heaviest queries of a database";

pub(super) const IMPORT: &str = "\
Examples:
  dbaudit import db/migrations --dry-run
      Show what would be imported from another tool's folder
  dbaudit import prisma/migrations --to indexes
      Write the migrations to the folder indexes";

pub(super) const CONFIG: &str = "\
Examples:
  dbaudit config
      Print every setting, and where its value came from
  dbaudit config --config deploy/dbaudit.toml --format json
      The same for another file, as JSON";

pub(super) const COMPLETIONS: &str = "\
Examples:
  dbaudit completions bash > /etc/bash_completion.d/dbaudit
      Install them for all users of bash
  dbaudit completions fish > ~/.config/fish/completions/dbaudit.fish
      Install them for your own fish shell";

pub(super) const MAN: &str = "\
Examples:
  dbaudit man > /usr/local/share/man/man1/dbaudit.1
      Install the man page
  dbaudit man -o dbaudit.1
      Write it to the current directory";
