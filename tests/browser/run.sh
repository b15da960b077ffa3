#!/usr/bin/env bash
# Tests the widget in Chromium against a running BotSmith. Arguments go to Node: tests/browser/run.sh --test-name-pattern=file
#
# PICTURES names a folder for screenshots; CHROMIUM and BOTSMITH_BIN other programs than the installed and the built one.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BOTSMITH_BIN=${BOTSMITH_BIN:-$PWD/target/debug/botsmith}
[ -x "$BOTSMITH_BIN" ] || { echo "there is no $BOTSMITH_BIN: run \`cargo build\`, or set BOTSMITH_BIN" >&2; exit 2; }
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || { echo "there is no Chromium: deploy/dev/install.sh test" >&2; exit 2; }
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 18 || (major == 18 && minor >= 19) ? 0 : 1)' || { echo "Node 18.19 or newer is needed: deploy/dev/install.sh test" >&2; exit 2; }

here=tests/browser
wanted=$(cksum "$here/package-lock.json")
if [ "$(cat "$here/node_modules/.installed" 2>/dev/null)" != "$wanted" ]; then
    npm ci --silent --no-audit --no-fund --prefix "$here"
    echo "$wanted" >"$here/node_modules/.installed"
fi
exec node --test --test-concurrency=3 --test-reporter=spec "$@" "$here"/*.test.mjs
