#!/usr/bin/env bash
# Every test there is, the cheapest first.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/dev/servers.sh tests

step() {
    local started=$SECONDS
    echo "── $1"
    shift
    "$@"
    echo "   $((SECONDS - started)) s"
}

# Queries are checked against the committed description of the schema, as everywhere else.
export SQLX_OFFLINE=true
step "the dashboard" deploy/dev/dashboard.sh
step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
# Tests and programs together, so that what they are made of is compiled once.
step "the program and its tests" cargo build --workspace --all-targets --locked
step "a database to copy" deploy/dev/template.sh
step "tests" cargo test --workspace --all-targets --locked
step "widget and dashboard in a browser" tests/browser/run.sh
step "the platforms' own libraries" tests/sdk/run.sh -q
step "queries match the schema" deploy/dev/schema.sh --check
if command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1; then
    step "docker-compose.yml" deploy/dev/compose-config.sh
else
    echo "── docker-compose.yml: skipped, there is no docker compose here"
fi
