#!/usr/bin/env bash
# A RabbitMQ node of our own for tests, benches and `make split`: own name, own ports, own data, on 127.0.0.1 only. The
# system's node, if there is one, is left alone.
#
#   rabbitmq.sh start DIRECTORY    starts it if it does not run, and prints its AMQP_URL
#   rabbitmq.sh stop  DIRECTORY
set -euo pipefail
action=${1:?start or stop}
dir=$(realpath -m "${2:?directory}")
server=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x "$server" ] || server=$(command -v rabbitmq-server)
ctl=${server%-server}ctl

mkdir -p "$dir"
if [ ! -f "$dir/ports" ]; then
    base=$((21000 + RANDOM % 20000))
    echo "$base $((base + 1)) $((base + 2))" >"$dir/ports"
fi
read -r port dist epmd <"$dir/ports"
export HOME=$dir RABBITMQ_NODENAME="botsmith-$port@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$port
export RABBITMQ_DIST_PORT=$dist RABBITMQ_MNESIA_BASE=$dir/mnesia RABBITMQ_LOG_BASE=$dir/log RABBITMQ_PID_FILE=$dir/pid
export RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=$dir/plugins RABBITMQ_CONF_ENV_FILE=/dev/null
export ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
printf '%s\n' 'raft.wal_max_size_bytes = 64000000' 'disk_free_limit.absolute = 1GB' 'listeners.tcp.default = 127.0.0.1:'"$port" \
    >"$dir/rabbitmq.conf"
echo '[].' >"$dir/plugins"

if [ "$action" = stop ]; then
    "$ctl" -n "$RABBITMQ_NODENAME" stop >/dev/null 2>&1 || true
    exit 0
fi

if ! "$ctl" -n "$RABBITMQ_NODENAME" ping >/dev/null 2>&1; then
    "$server" -detached >/dev/null 2>&1
    for _ in $(seq 60); do
        if "$ctl" -n "$RABBITMQ_NODENAME" await_startup --timeout 60 >/dev/null 2>&1; then break; fi
        sleep 1
    done
    "$ctl" -n "$RABBITMQ_NODENAME" ping >/dev/null || {
        echo "RabbitMQ did not start; its log is in $dir/log" >&2
        exit 1
    }
fi
echo "amqp://guest:guest@127.0.0.1:$port"
