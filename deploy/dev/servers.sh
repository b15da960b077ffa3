# Sourced by the scripts beside it: finds or starts the servers that tests, benches and `make split` talk to.
# Sets DATABASE_URL and AMQP_URL. `servers.sh tests` takes a PostgreSQL that is quick to make databases, see template.sh.

here=$(dirname "${BASH_SOURCE[0]}")

if [ -z "${DATABASE_URL:-}" ]; then
    if [ "${1:-}" = tests ]; then
        # A killed process loses nothing without fsync, only a killed machine does, with all of its tests.
        DATABASE_URL=$("$here/postgres.sh" start target/dev/postgres-of-tests -c fsync=off -c full_page_writes=off)
        export TEMPLATE_URL=${DATABASE_URL%/*}/template1
    else
        DATABASE_URL=$("$here/postgres.sh" start target/dev/postgres)
    fi
fi
export DATABASE_URL

if [ -z "${AMQP_URL:-}" ]; then
    if (exec 3<>/dev/tcp/127.0.0.1/5672) 2>/dev/null; then
        AMQP_URL=amqp://guest:guest@127.0.0.1:5672
    else
        AMQP_URL=$("$here/rabbitmq.sh" start target/dev/rabbitmq)
    fi
fi
export AMQP_URL
echo "PostgreSQL: ${DATABASE_URL##*@}  RabbitMQ: ${AMQP_URL##*@}"
