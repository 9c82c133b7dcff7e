#!/usr/bin/env bash
# Runs the tests of threadlike processes under the C libraries of other Debian releases: lays out a root of each by
# debootstrap, and runs the test binaries in it by chroot. As root; takes some 300 MB of downloads. Not part of .ci/run.
#
#     interpose/other-glibc.sh [bullseye trixie sid]
#
# Binaries that were linked against a newer C library than a release has do not start there; the table says so.
set -euo pipefail
cd "$(dirname "$0")/.."
releases=("$@")
[[ $# == 0 ]] && releases=(bullseye trixie sid)
roots=$(mktemp -d)
trap 'rm -rf "$roots"' EXIT
command -v debootstrap >/dev/null || { echo "debootstrap is not installed"; exit 1; }

names=(threadlike threadlike_hazards threadlike_soak)
binaries=()
for name in "${names[@]}"; do
    binary=$(cargo test --package std_net_tests --test "$name" --no-run 2>&1 | grep -o 'target/debug/deps/[a-z_]*-[0-9a-f]*')
    binaries+=("$binary")
done

printf '%-10s %-8s' release glibc
printf ' %-20s' "${names[@]}"
echo
for release in "${releases[@]}"; do
    root=$roots/$release
    debootstrap --variant=minbase "$release" "$root" >"$roots/$release.log" 2>&1 ||
        { echo "$release: debootstrap failed: $(tail -1 "$roots/$release.log")"; continue; }
    mount --bind /proc "$root/proc"
    mount --bind /dev "$root/dev"
    glibc=$(chroot "$root" ldd --version | head -1 | grep -o '[0-9.]*$')
    printf '%-10s %-8s' "$release" "$glibc"
    for i in "${!names[@]}"; do
        cp "${binaries[$i]}" "$root/test"
        if outcome=$(chroot "$root" timeout 300 /test 2>&1); then
            printf ' %-20s' "$(grep -o '[0-9]* passed' <<<"$outcome")"
        else
            printf ' %-20s' "$(grep -o 'GLIBC_[0-9.]*\|[0-9]* failed\|hangs' <<<"$outcome" | head -1)"
        fi
    done
    echo
    umount "$root/proc" "$root/dev"
    rm -rf "$root"
done
