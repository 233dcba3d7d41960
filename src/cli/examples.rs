//! Two examples for each command, below its options.

pub(super) const APPLY_INDEXES: &str = "\
Examples:
  dbaudit apply-indexes --dry-run
      Show the statements of ./migrations, and who would hold them up
  dbaudit apply-indexes --deadline 20m --format json-lines
      Deploy within 20 minutes, an event a line";

pub(super) const STATUS: &str = "\
Examples:
  dbaudit status
      Show how each migration of ./migrations stands
  dbaudit status --migrations db/indexes --format json
      The same of another folder, for a program";

pub(super) const TIME_QUERIES: &str = "\
Examples:
  dbaudit time-queries --also junit=timing.xml
      Time the queries of ./queries; write JUnit XML besides
  dbaudit time-queries --from-statements 20 --budget 50ms
      Time the 20 heaviest statements of pg_stat_statements";

pub(super) const ADVISE: &str = "\
Examples:
  dbaudit advise --write migrations
      Find the indexes that ./queries need, and write them as migrations
  dbaudit advise --from-statements 20 --max-indexes 3
      The three best for what the server is busy with";

pub(super) const REPORT: &str = "\
Examples:
  dbaudit report --fail-on warning
      Report, and end with status 1 where a finding is a warning or worse
  dbaudit report --all-databases --format html -o report.html
      A page about every database of the cluster";

pub(super) const TIME_ENDPOINTS: &str = "\
Examples:
  dbaudit time-endpoints
      Time every [[endpoint]] and [[page]] of dbaudit.toml
  dbaudit time-endpoints --only search --save before.json
      Time one, and keep the run to compare with";

pub(super) const SERVE: &str = "\
Examples:
  dbaudit serve
      Watch the database on http://127.0.0.1:9187
  dbaudit serve --listen 0.0.0.0:9187
      Let others look too; the variable DBAUDIT_TOKEN holds the token";

pub(super) const EXPLAIN: &str = "\
Examples:
  dbaudit explain missing-fk-index
      What this check means, how to confirm it and how to mend it
  dbaudit explain query-file
      The form of a query file";

pub(super) const DEMO: &str = "\
Examples:
  dbaudit demo
      See the commands at work on a server that is thrown away
  dbaudit demo --rows 1000000 --keep
      With more rows; the server stays, and its URL is printed";

pub(super) const SNAPSHOT: &str = "\
Examples:
  dbaudit snapshot --keep-values -o production.snapshot
      Read what the planner reads of the database into a file
  dbaudit snapshot --keep-values -d postgres://ann@replica/shop > shop.snapshot
      Of a standby, which knows the same";

pub(super) const TWIN: &str = "\
Examples:
  dbaudit twin production.snapshot -- psql -c 'EXPLAIN SELECT * FROM users'
      Ask how the database would carry out a statement
  dbaudit twin production.snapshot --keep
      The server stays, and its URL is printed";

pub(super) const INIT: &str = "\
Examples:
  dbaudit init
      Begin with an example of each file
  dbaudit init --from-database -d postgres://ann@localhost/shop
      Begin with the indexes and the heaviest queries of a database";

pub(super) const IMPORT: &str = "\
Examples:
  dbaudit import db/migrations --dry-run
      Show what would be taken from another tool's folder
  dbaudit import prisma/migrations --to indexes
      Write it into the folder indexes";

pub(super) const CONFIG: &str = "\
Examples:
  dbaudit config
      Print every setting, and where its value came from
  dbaudit config --config deploy/dbaudit.toml --format json
      The same of another file, for a program";

pub(super) const COMPLETIONS: &str = "\
Examples:
  dbaudit completions bash > /etc/bash_completion.d/dbaudit
      For every user of bash
  dbaudit completions fish > ~/.config/fish/completions/dbaudit.fish
      For your own fish";

pub(super) const MAN: &str = "\
Examples:
  dbaudit man > /usr/local/share/man/man1/dbaudit.1
      Install it
  dbaudit man -o dbaudit.1
      Write it into the present folder";
