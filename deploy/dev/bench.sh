#!/usr/bin/env bash
# Measures, with the limit beside every figure. How: the head of tests/bench/main.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/dev/servers.sh
deploy/dev/dashboard.sh
cargo build --release --locked --package botsmith --package whole-product --bins
export BOTSMITH_WEIGHTS=$(deploy/dev/weights.sh)
BOTSMITH_BIN=$PWD/target/release/botsmith exec target/release/bench "$@"
