#!/usr/bin/env bash
# Writes the public API of each crate to docs/public-api/, so that a change to it is seen in
# review. Needs cargo-public-api (`cargo install cargo-public-api`) and a nightly toolchain.
# With --check it compares instead, and fails on a difference.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo public-api --version >/dev/null 2>&1 || ! rustup toolchain list | grep -q nightly; then
    echo "SKIPPED: cargo-public-api or a nightly toolchain is missing" >&2
    exit 0
fi
out=docs/public-api
if [[ ${1:-} == --check ]]; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi
for crate in std_net std_net_ip std_net_unix std_net_runtime; do
    cargo public-api --package "$crate" --all-features --simplified >"$out/$crate.txt" 2>"$out/$crate.log" ||
        { cat "$out/$crate.log" >&2; exit 1; }
    rm "$out/$crate.log"
done
if [[ ${1:-} == --check ]]; then
    diff -ru docs/public-api "$out"
fi
