#!/usr/bin/env bash
# Runs the example `tour` and draws what it prints as docs/charts/tour.svg, as a terminal would show it.
#
# Usage: docs/charts/tour.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$(mktemp)
trap 'rm -f "$out"' EXIT
cargo run --quiet --release --example tour >"$out"

awk '
function escape(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text); gsub(/ /, "\302\240", text)
    return text
}
# Long lines are cut into pieces of `width` characters, at a space if there is one.
function show(text, colour,    piece, at) {
    while (length(text) > width) {
        for (at = width; at > width / 2 && substr(text, at, 1) != " "; at--) {}
        if (at <= width / 2) at = width
        piece = substr(text, 1, at); text = "      " substr(text, at + 1)
        line(piece, colour)
    }
    line(text, colour)
}
function line(text, colour) {
    body = body sprintf("<text x=\"16\" y=\"%d\" fill=\"%s\">%s</text>\n", y, colour, escape(text))
    y += 20
}
BEGIN {
    width = 108; y = 62; green = "#8fd18f"; white = "#e6e6e6"; red = "#ff8080"
    show("$ cargo run --release --example tour", white)
}
{ show($0, /^ok /? green : (/^FAIL/? red : white)) }
END {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"%d\" viewBox=\"0 0 900 %d\" role=\"img\">\n", y, y
    print "<title>The example tour in a terminal</title>"
    print "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e1e24\"/>"
    print "<circle cx=\"20\" cy=\"20\" r=\"6\" fill=\"#ff5f56\"/><circle cx=\"40\" cy=\"20\" r=\"6\" fill=\"#ffbd2e\"/>" \
        "<circle cx=\"60\" cy=\"20\" r=\"6\" fill=\"#27c93f\"/>"
    print "<g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace\" font-size=\"13\" xml:space=\"preserve\">"
    printf "%s", body
    print "</g>\n</svg>"
}' "$out" >docs/charts/tour.svg
echo docs/charts/tour.svg
