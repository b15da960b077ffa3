#!/usr/bin/env bash
# A private PostgreSQL for tests, benches and `make split`, on 127.0.0.1 only.
#
#   postgres.sh start DIRECTORY [-c NAME=VALUE]...    starts it if it does not run, and prints its DATABASE_URL
#   postgres.sh stop  DIRECTORY
set -euo pipefail
action=${1:?start or stop}
dir=$(realpath -m "${2:?directory}")
shift 2

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(readlink -f "$(command -v postgres)")")

# PostgreSQL refuses to run as root.
run=()
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    # Where its user may go, whoever owns the checkout.
    dir=/var/tmp/botsmith-dev-$(printf %s "$dir" | cksum | cut -d' ' -f1)
    mkdir -p "$dir"
    chown "$user" "$dir"
    run=(setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups env HOME=/tmp)
fi

if [ "$action" = stop ]; then
    [ ! -f "$dir/data/postmaster.pid" ] || "${run[@]}" "$bin/pg_ctl" -D "$dir/data" -m fast -w stop >/dev/null
    exit 0
fi

if [ ! -f "$dir/data/PG_VERSION" ]; then
    mkdir -p "$dir"
    "${run[@]}" "$bin/initdb" -D "$dir/data" -U botsmith -E UTF8 --locale=C --auth=trust >/dev/null
fi
if ! "${run[@]}" "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null) ||
        port=$((20000 + RANDOM % 20000))
    echo "$port" >"$dir/port"
    (cd / && "${run[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w start \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=400 -c shared_buffers=128MB -c jit=off $*") >/dev/null
fi
echo "postgres://botsmith@127.0.0.1:$(cat "$dir/port")/postgres"
