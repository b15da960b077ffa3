#!/usr/bin/env bash
# Tests a running BotSmith with the platforms' own libraries. Arguments go to pytest: tests/sdk/run.sh -k twilio
set -euo pipefail
cd "$(dirname "$0")/../.."
export BOTSMITH_BIN=${BOTSMITH_BIN:-$PWD/target/debug/botsmith}
[ -x "$BOTSMITH_BIN" ] || { echo "there is no $BOTSMITH_BIN: run \`cargo build\`, or set BOTSMITH_BIN" >&2; exit 2; }

venv=target/sdk/venv
wanted=$(cksum tests/sdk/requirements.txt)
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/sdk/requirements.txt
    echo "$wanted" >"$venv/installed"
fi
exec "$venv/bin/python" -B -m pytest -p no:cacheprovider -rs "$@" tests/sdk
