#!/usr/bin/env bash
# Checks docker-compose.yml; needs no Docker engine.
set -euo pipefail
cd "$(dirname "$0")/../.."
if docker compose version >/dev/null 2>&1; then docker compose config --quiet; else docker-compose config --quiet; fi
