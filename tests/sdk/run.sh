#!/usr/bin/env bash
# Tests a running BotSmith with the platforms' own libraries. Arguments go to pytest: tests/sdk/run.sh -k twilio
set -euo pipefail
cd "$(dirname "$0")/../.."
export BOTSMITH_BIN=${BOTSMITH_BIN:-$PWD/target/debug/botsmith}
[ -x "$BOTSMITH_BIN" ] || { echo "there is no $BOTSMITH_BIN: run \`cargo build\`, or set BOTSMITH_BIN" >&2; exit 2; }
for tool in python3 node npm; do
    command -v "$tool" >/dev/null || { echo "there is no $tool: run deploy/dev/install.sh test" >&2; exit 2; }
done

# What is installed is kept, for as long as the same is wanted.
installed() { [ "$(cat "$1/installed" 2>/dev/null)" = "$2" ]; }

venv=target/sdk/venv
wanted=$(cat tests/sdk/requirements.txt <(python3 --version) | cksum)
if ! installed "$venv" "$wanted"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement tests/sdk/requirements.txt
    echo "$wanted" >"$venv/installed"
fi

node=target/sdk/node
wanted=$(cksum <tests/sdk/node/package-lock.json)
if ! installed "$node" "$wanted"; then
    mkdir -p "$node"
    cp tests/sdk/node/package.json tests/sdk/node/package-lock.json "$node"
    npm ci --prefix "$node" --ignore-scripts --no-audit --no-fund --silent
    echo "$wanted" >"$node/installed"
fi
exec "$venv/bin/python" -B -m pytest -p no:cacheprovider -rs "$@" tests/sdk
