#!/usr/bin/env bash
# Runs the tests of threadlike processes under the C libraries of other Debian releases. debootstrap lays out a root of
# each release, and chroot runs the test binaries in it. Run this as root. It downloads some 300 MB. It is not part of
# .ci/run.
#
#     interpose/other-glibc.sh [bullseye trixie sid]
#     ROOTS=/var/tmp/roots interpose/other-glibc.sh     # keeps the roots for the next run
#
# A program does not start with a C library older than the one it was linked with. For an older release the tests are
# linked once more, by the C compiler of that release.
set -euo pipefail
cd "$(dirname "$0")/.."
releases=("$@")
[[ $# == 0 ]] && releases=(bullseye trixie sid)
command -v debootstrap >/dev/null || { echo "debootstrap is not installed"; exit 1; }
roots=${ROOTS:-$(mktemp -d)}
mkdir -p "$roots"
mounted=()
end() {
    local i
    for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount "${mounted[$i]}"; done
    [[ -n ${ROOTS:-} ]] || rm -rf --one-file-system "$roots"
}
trap end EXIT
bind() { # FOLDER ROOT
    mkdir -p "$2$1"
    mount --bind "$1" "$2$1"
    mounted+=("$2$1")
}

names=(threadlike threadlike_hazards threadlike_soak)
target=x86_64-unknown-linux-gnu
# Prints the executables of the tests, in the order of `names`.
build() { # CARGO-ARGUMENT...
    local arguments=() name
    for name in "${names[@]}"; do arguments+=(--test "$name"); done
    local messages
    messages=$(cargo test --quiet --no-run --message-format=json --package std_net_tests "${arguments[@]}" "$@")
    for name in "${names[@]}"; do
        sed -n "s|.*\"executable\":\"\\([^\"]*/$name-[0-9a-f]*\\)\".*|\\1|p" <<<"$messages"
    done
}
# The release's C compiler as a linker, which sees the same files under the same names as here.
linker() { # ROOT
    chroot "$1" sh -c 'command -v cc >/dev/null || apt-get install -y -qq --no-install-recommends gcc libc6-dev' >/dev/null 2>&1
    bind "$PWD" "$1"
    bind /tmp "$1"
    bind "$(rustc --print sysroot)" "$1"
    printf '#!/bin/sh\nexec chroot %s cc "$@"\n' "$1" >"$1.cc"
    chmod +x "$1.cc"
    echo "$1.cc"
}

here=$(ldd --version | sed -n '1s/.* //p')
mapfile -t built < <(build)
printf '%-10s %-8s' release glibc
printf ' %-20s' "${names[@]}"
echo
failed=0
for release in "${releases[@]}"; do
    root=$roots/$release
    if [[ ! -e $root/bin/sh ]] && ! debootstrap --variant=minbase "$release" "$root" >"$root.log" 2>&1; then
        echo "$release: debootstrap failed: $(tail -n 1 "$root.log")"
        failed=1
        continue
    fi
    echo '127.0.0.1 localhost' >"$root/etc/hosts"
    bind /proc "$root"
    bind /dev "$root"
    glibc=$(chroot "$root" ldd --version | sed -n '1s/.* //p')
    tests=("${built[@]}")
    if [[ $glibc != "$here" && $(printf '%s\n' "$glibc" "$here" | sort -V | head -n 1) == "$glibc" ]]; then
        cc=$(linker "$root")
        # The mounts that `linker` made in a subshell.
        mounted+=("$root$PWD" "$root/tmp" "$root$(rustc --print sysroot)")
        mapfile -t tests < <(CARGO_TARGET_DIR=$PWD/target/other-glibc \
            CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=$cc build --target "$target")
    fi
    printf '%-10s %-8s' "$release" "$glibc"
    ((${#tests[@]} == ${#names[@]})) || { echo "the tests cannot be built"; exit 1; }
    for i in "${!names[@]}"; do
        cp "${tests[$i]}" "$root/test"
        if outcome=$(chroot "$root" timeout 300 /test 2>&1); then
            printf ' %-20s' "$(grep -o '[0-9]* passed' <<<"$outcome")"
        else
            printf ' %-20s' "$(grep -o 'GLIBC_[0-9.]*\|[0-9]* failed\|hangs' <<<"$outcome" | head -n 1)"
            printf '%s\n' "$outcome" >"$root-${names[$i]}.log"
            failed=1
        fi
    done
    echo
    rm -f "$root/test"
done
exit "$failed"
