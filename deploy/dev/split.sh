#!/usr/bin/env bash
# Every role a process of its own, on RabbitMQ and PostgreSQL, with the demo bot. Ctrl-C stops them all.
#
#   WORKERS=2          chat-workers
#   SPLIT_DIR=…        where data and logs are kept (default: target/dev/split)
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${SPLIT_DIR:-target/dev/split}
mkdir -p "$dir/log"
. deploy/dev/servers.sh

psql=$(command -v psql || ls -d /usr/lib/postgresql/*/bin/psql | sort -V | tail -n 1)
base=${DATABASE_URL%/*}
"$psql" -qXtA "$DATABASE_URL" -c "select 1 from pg_database where datname = 'botsmith_split'" | grep -q 1 ||
    "$psql" -qX "$DATABASE_URL" -c 'create database botsmith_split'
export DATABASE_URL=$base/botsmith_split

botsmith=target/release/botsmith
export BOTSMITH_WEIGHTS=$(deploy/dev/weights.sh)
export BOTSMITH_DATA_DIR=$dir BOTSMITH__QUEUE__NAMESPACE=split
export BOTSMITH__PLATFORMS__TWILIO_SIMULATOR_URL=${BOTSMITH__PLATFORMS__TWILIO_SIMULATOR_URL:-http://127.0.0.1:4010}
for platform in telegram slack discord whatsapp messenger instagram teams; do
    export "BOTSMITH__PLATFORMS__${platform^^}_SIMULATOR_URL=$BOTSMITH__PLATFORMS__TWILIO_SIMULATOR_URL/$platform"
done
[ -f "$dir/master.key" ] || "$botsmith" keys generate "$dir/master.key"
export BOTSMITH__VAULT__MASTER_KEY_FILE=$dir/master.key

roles=()
stop() {
    trap - EXIT INT TERM
    [ ${#roles[@]} -eq 0 ] || kill -TERM "${roles[@]}" 2>/dev/null || true
    wait
}
trap stop EXIT INT TERM

start() {
    local name=$1
    shift
    "$botsmith" "$@" >"$dir/log/$name.log" 2>&1 &
    roles+=($!)
    echo "  $name: process $!, log in $dir/log/$name.log"
}

"$botsmith" migrate >"$dir/log/migrate.log" 2>&1 || { cat "$dir/log/migrate.log" >&2; exit 1; }
start gateway gateway
start admin-api admin-api
for worker in $(seq "${WORKERS:-2}"); do start "chat-worker-$worker" chat-worker; done
start sender sender --all
start listener listener --all
start indexer indexer
start scheduler scheduler

gateway=${BOTSMITH__GATEWAY__LISTEN:-127.0.0.1:8080}
for _ in $(seq 100); do
    curl -fs "http://$gateway/readyz" >/dev/null 2>&1 && break
    sleep 0.1
done
"$botsmith" demo
start simulator simulate server
"$botsmith" setup-link || true

# One role down means all down, as under any supervisor.
wait -n "${roles[@]}" || true
echo "a role ended; its log says why. Stopping the others." >&2
