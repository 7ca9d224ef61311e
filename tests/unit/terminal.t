#!/bin/sh
# What a person sees on a terminal: the line of progress is gone before results
# are printed, and none of its parts is left beside them.
. tests/lib.sh
REAP=$(realpath "${REAP:-build/reap}")
tools=$(realpath "${B:-build}/tests/tools")
if ! command -v script >/dev/null; then
    skip 'progress on a terminal' 'script, which makes one, is not installed'
    tap_done
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export REAP REAP_CACHE="$tmp/cache" TERM=xterm
mkdir "$tmp/photos"
"$tools/draw_pictures" "$tmp/photos" p 8 0 1
"$REAP" import "$tmp/photos" -o "$tmp/set" --quiet
ok $? 'a dataset to compute'

# What stands on the terminal in the end: a carriage return goes back to the
# first column, where later characters take the places of earlier ones.
seen() {
    awk -v RS='\r?\n' '{
        n = split($0, part, "\r"); line = ""
        for (i = 1; i <= n; i++)
            line = part[i] substr(line, length(part[i]) + 1)
        sub(/ *$/, "", line); print line }' "$1"
}
cd "$tmp" || exit
# shellcheck disable=SC2016
script -qec '"$REAP" extract set -o store -w none --model torchvision/resnet18 \
    --input-shape 64,64' "$tmp/typescript" >/dev/null </dev/null
ok $? 'extract on a terminal'
grep -q 'of 8 (' typescript
ok $? 'progress is shown'
# the bytes in the order of their way: progress, blanks over it, results
tr '\r' '\n' <typescript | grep -q '^store:    store, complete'
ok $? 'results begin in the first column'
seen typescript >screen
verdict 'nothing is left of progress' "$(grep 'images, ' screen | grep -v 'this run')"
cd / && tap_done
