#!/usr/bin/env bash
# Makes the site in target/site: the guide at its front, the documentation of every public item in api/. Leaves out the
# guide, and says so, where mdbook is missing. --shot FILE also takes a picture of the front page, where Chromium is.
#
# Usage: docs/site.sh [--shot FILE.png]
set -euo pipefail
cd "$(dirname "$0")/.."
mdbook_version=0.5.4
site=$PWD/target/site

rm -rf "$site"
mkdir -p "$site"
if command -v mdbook >/dev/null; then
    found=$(mdbook --version)
    if [[ $found != *"$mdbook_version" ]]; then
        echo "SKIPPED in part: the site is made for mdbook $mdbook_version, this is $found" >&2
    fi
    # A warning is a broken link or a chapter that is missing.
    log=$(mktemp)
    mdbook build docs/guide --dest-dir "$site" 2>&1 | tee "$log" >&2
    if grep -q "WARN\|ERROR" "$log"; then
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
else
    echo "SKIPPED: no mdbook. cargo install --locked mdbook --version $mdbook_version" >&2
fi

target=${CARGO_TARGET_DIR:-target}
cargo doc --quiet --no-deps --all-features --package std_net --package std_net_ip --package std_net_runtime \
    --package std_net_unix --package std_net_interpose
cp -r "$target/doc" "$site/api"
echo "$site"

if [[ ${1:-} == --shot ]]; then
    chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
    if [[ -z $chromium || ! -f $site/index.html ]]; then
        echo "SKIPPED: no picture of the site without Chromium and mdbook" >&2
        exit 0
    fi
    # As a browser would show it; the sandbox of Chromium refuses root.
    timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,900 \
        --screenshot="$2" "file://$site/index.html" 2>/dev/null
    # And its words, after its scripts have run.
    words=$(timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --dump-dom "file://$site/index.html" 2>/dev/null)
    for wanted in "Begin here" "A script" "cargo add" "TcpStream" "api/std_net/index.html" "Cookbook"; do
        if [[ $words != *"$wanted"* ]]; then
            echo "the front page does not have: $wanted" >&2
            exit 1
        fi
    done
    echo "$2"
fi
