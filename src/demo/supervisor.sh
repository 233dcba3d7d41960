# Keeps a throwaway PostgreSQL server in the folder $1, with the binaries in $2, for the process at the
# other end of stdin. Commands, one a line: initdb, start, stop SIGNAL, leave. When that process ends,
# however it ends (kill -9 too), stdin ends: then the server is stopped and the folder removed.
#
# Answers are files in the folder: initdb.status, server.pid, server.status, and the logs beside them.
set -u
folder=$1
bin=$2
data=$folder/data
started=

# From version 18 on a cluster has checksums, of which a throwaway one has no use, and which a twin's pages lack.
checksums=
if "$bin/initdb" --help | grep -q -e --no-data-checksums; then
    checksums=--no-data-checksums
fi

# Segments of a megabyte: a cluster keeps two of them at least.
make_cluster() {
    "$bin/initdb" $checksums --wal-segsize=1 -D "$data" -U postgres -A trust -E UTF8 --no-sync --locale="$1"
}

ended() {
    [ -s "$folder/server.status" ]
}

# Sends the server a signal, and waits for its end at most $2 twentieths of a second.
send() {
    until [ -s "$folder/server.pid" ]; do sleep 0.02; done
    kill -"$1" "$(cat "$folder/server.pid")" 2>/dev/null
    tries=$2
    until ended || [ "$tries" -eq 0 ]; do
        sleep 0.05
        tries=$((tries - 1))
    done
    ended
}

while read -r command argument; do
    case $command in
    initdb)
        {
            # Not every system has C.UTF-8; every one has C.
            make_cluster C.UTF-8 || { rm -rf "$data" && make_cluster C; }
        } </dev/null >"$folder/initdb.log" 2>&1
        echo $? >"$folder/initdb.status"
        ;;
    start)
        rm -f "$folder/server.pid" "$folder/server.status"
        started=yes
        (
            "$bin/postgres" -D "$data" >>"$folder/server.log" 2>&1 &
            echo $! >"$folder/server.pid"
            wait $!
            echo $? >"$folder/server.status"
        ) </dev/null >/dev/null 2>&1 &
        ;;
    stop) send "$argument" 0 ;;
    leave) exit 0 ;;
    esac
done

if [ -n "$started" ] && ! ended; then
    send INT 100 || send QUIT 100 || send KILL 20
fi
rm -rf "$folder"
