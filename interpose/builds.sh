#!/usr/bin/env bash
# Builds the example `parks` in ways that could lose the functions of this crate, and runs it: link-time optimisation,
# without symbols, panics that abort, std as a shared library. Not part of .ci/run.
#
#     interpose/builds.sh [lto thin-lto strip abort dynamic]
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=$PWD/target/builds CARGO_PROFILE_RELEASE_DEBUG=0
trap 'rm -rf "$CARGO_TARGET_DIR"' EXIT
ways=("$@")
[[ $# == 0 ]] && ways=(lto thin-lto strip abort dynamic)
for way in "${ways[@]}"; do
    case $way in
        lto) settings=(CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1) ;;
        thin-lto) settings=(CARGO_PROFILE_RELEASE_LTO=thin) ;;
        strip) settings=(CARGO_PROFILE_RELEASE_STRIP=symbols) ;;
        abort) settings=(CARGO_PROFILE_RELEASE_PANIC=abort) ;;
        dynamic) settings=(RUSTFLAGS="-C prefer-dynamic" LD_LIBRARY_PATH="$(rustc --print target-libdir)") ;;
        *) echo "there is no way $way"; exit 1 ;;
    esac
    printf '%-10s' "$way"
    env "${settings[@]}" cargo build --quiet --release --package std_net_interpose --example parks
    env "${settings[@]}" timeout 60 "$CARGO_TARGET_DIR/release/examples/parks"
done
