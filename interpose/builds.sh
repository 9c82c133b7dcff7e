#!/usr/bin/env bash
# Builds the example `parks` in ways that could lose the functions of this crate, and runs it: link-time optimisation,
# without symbols, panics that abort, std as a shared library. In three more ways there can be no threadlike process, and
# the example must say why: static, with the address sanitizer (needs a nightly toolchain), and as Miri builds. Not part
# of .ci/run.
#
#     interpose/builds.sh [lto thin-lto strip abort dynamic static sanitizer miri]
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=$PWD/target/builds CARGO_PROFILE_RELEASE_DEBUG=0
trap 'rm -rf "$CARGO_TARGET_DIR"' EXIT
ways=("$@")
[[ $# == 0 ]] && ways=(lto thin-lto strip abort dynamic static sanitizer miri)

# refused REASON SETTING...: with these settings the example ends with an error that has this reason.
refused() {
    local reason=$1 target=x86_64-unknown-linux-gnu said
    shift
    env "$@" cargo build --quiet --target "$target" --package std_net_interpose --example parks
    if said=$(timeout 60 "$CARGO_TARGET_DIR/$target/debug/examples/parks" 2>&1); then
        echo "this must not work: $said"
        exit 1
    fi
    grep --only-matching "no process can be threadlike here: $reason[^\"]*" <<<"$said" || {
        echo "another error was to be expected: $said"
        exit 1
    }
}

for way in "${ways[@]}"; do
    printf '%-10s' "$way"
    case $way in
        static) refused "the program is linked statically" RUSTFLAGS="-C target-feature=+crt-static" && continue ;;
        sanitizer) refused "a sanitizer is linked" RUSTFLAGS="-Z sanitizer=address" RUSTUP_TOOLCHAIN=nightly && continue ;;
        # What Miri sets. It cannot run code that enters a stack of its own, with or without this crate.
        miri) refused "Miri runs the program" RUSTFLAGS="--cfg miri" && continue ;;
        lto) settings=(CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1) ;;
        thin-lto) settings=(CARGO_PROFILE_RELEASE_LTO=thin) ;;
        strip) settings=(CARGO_PROFILE_RELEASE_STRIP=symbols) ;;
        abort) settings=(CARGO_PROFILE_RELEASE_PANIC=abort) ;;
        dynamic) settings=(RUSTFLAGS="-C prefer-dynamic" LD_LIBRARY_PATH="$(rustc --print target-libdir)") ;;
        *) echo "there is no way $way"; exit 1 ;;
    esac
    env "${settings[@]}" cargo build --quiet --release --package std_net_interpose --example parks
    env "${settings[@]}" timeout 60 "$CARGO_TARGET_DIR/release/examples/parks"
done
