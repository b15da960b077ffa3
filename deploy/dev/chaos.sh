#!/usr/bin/env bash
# Kills processes, the broker and the database under load, and counts what was lost. How: the head of tests/chaos/main.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/dev/servers.sh
cargo build --release --locked --package botsmith --package whole-product --bins
BOTSMITH_BIN=$PWD/target/release/botsmith exec target/release/chaos "$@"
