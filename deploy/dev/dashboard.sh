#!/usr/bin/env bash
# Builds the dashboard's pages, which the program carries, unless they are newer than what they are made of.
#
# Where there is no Node 20.19 or newer it says so, and the program is built without them.
set -euo pipefail
cd "$(dirname "$0")/../../crates/dashboard/web"

fits() { node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; }
if ! command -v npm >/dev/null || ! fits; then
    echo "dashboard: skipped, it is built with Node 20.19 or newer and npm; here is $(node --version 2>/dev/null || echo none)" >&2
    exit 0
fi

made_of=(index.html openapi.json package.json package-lock.json tsconfig.json vite.config.ts public src)
# The types are made of openapi.json at every build.
if [ -f dist/index.html ] && [ -z "$(find "${made_of[@]}" -newer dist/index.html -type f ! -name schema.d.ts -print -quit)" ]; then
    exit 0
fi
wanted=$(cksum package-lock.json)
if [ "$(cat node_modules/.installed 2>/dev/null)" != "$wanted" ]; then
    npm ci --silent --no-audit --no-fund
    echo "$wanted" >node_modules/.installed
fi
echo "dashboard: building"
if ! said=$(npm run --silent build); then
    echo "$said" >&2
    exit 1
fi
