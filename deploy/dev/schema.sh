#!/usr/bin/env bash
# Checks every SQL query against the migrations, and renews .sqlx, their description for builds without a database.
#
#   schema.sh            renews it
#   schema.sh --check    fails if the committed one is out of date
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${DATABASE_URL:-}" ] || . deploy/dev/servers.sh
psql=$(command -v psql || ls -d /usr/lib/postgresql/*/bin/psql | sort -V | tail -n 1)

database=botsmith_schema_$$
base=${DATABASE_URL%/*}
"$psql" -qX "$DATABASE_URL" -c "create database $database template template0"
trap '"$psql" -qX "$DATABASE_URL" -c "drop database if exists $database with (force)"; rm -rf "$fresh"' EXIT
fresh=$(mktemp -d)
for migration in crates/store/migrations/*.sql; do
    "$psql" -qX -v ON_ERROR_STOP=1 -1 "$base/$database" -f "$migration" 2>/dev/null
done

# The macros write what they learn into SQLX_OFFLINE_DIR while the crate is compiled. A profile of its own, so that
# compiling it anew makes nobody else compile anew.
rm -rf target/schema/.fingerprint/store-*
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$fresh DATABASE_URL=$base/$database \
    cargo check --quiet --locked --profile schema --package store --all-targets

if [ "${1:-}" = --check ]; then
    if ! diff -rq "$fresh" .sqlx >/dev/null; then
        echo "the committed .sqlx is out of date: run \`make schema\` and commit it" >&2
        diff -rq "$fresh" .sqlx >&2 || true
        exit 1
    fi
else
    rm -rf .sqlx
    cp -r "$fresh" .sqlx
    echo "$(ls .sqlx | wc -l) queries in .sqlx"
fi
