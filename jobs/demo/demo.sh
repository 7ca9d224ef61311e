#!/bin/sh
# demo.sh - the whole road on 102 photographs: import, extract, classify, export;
# then labels of one's own: fit, predict, evaluate
#
# What 'make demo' runs. Writes below build/demo, keeps what it fetches in the
# cache (REAP_CACHE, XDG_CACHE_HOME/reap or ~/.cache/reap), starts two ranks.
set -eu
here=$(dirname "$0")
export REAP="${REAP:-build/reap}"
cache=${REAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/reap}
out=${1:-build/demo}
mkdir -p "$out"

"$here/photos.sh" "$cache" >"$out/photos.txt"
"$here/weights.sh" "$cache" >"$out/weights.txt"
{ read -r weights && read -r about; } <"$out/weights.txt"
echo "photographs: $(wc -l <"$out/photos.txt") of Debian's tuxpaint-stamps-default"
echo "$about"
echo

now() { date +%s%N; }
step() { # title, reap's arguments: shows the command and its time
    title=$1
    shift
    echo "\$ reap $*" | sed "s|$cache|\$CACHE|g" | fold -s -w 74 |
        sed '2,$s/^/    /; s/ *$//'
    from=$(now)
    "$REAP" "$@" --quiet || exit
    printf '    %s: %s s\n' "$title" \
        "$(echo "$from $(now)" | awk '{ printf "%.1f", ($2 - $1) / 1e9 }')"
}
# Is there a classifier? Trying it on one photograph tells.
classifier() {
    case $weights in *'--weights none'*) return 1 ;; esac
    # shellcheck disable=SC2086
    "$REAP" classify "$(head -1 "$out/photos.txt" | cut -f1)" $weights --quiet >/dev/null 2>&1
}
rm -rf "$out/set" "$out/embeddings" "$out/labels" "$out/own" "$out/report"
step import import "$out/photos.txt" -o "$out/set"
# shellcheck disable=SC2086
step extract extract "$out/set" -o "$out/embeddings" $weights --l2 \
    --alpha white --ranks 2
step export export "$out/embeddings" -o "$out/embeddings.npy"
step export export "$out/embeddings" -o "$out/embeddings.csv"
head=no
if classifier; then
    head=yes
    # shellcheck disable=SC2086
    step classify classify "$out/set" -o "$out/labels" $weights --top 3 \
        --alpha white --ranks 2
    step export export "$out/labels" -o "$out/labels.csv"
fi
"$here/table.sh" "$out" "$head" "$about"

echo
"$here/labels.sh" "$out"
step fit fit "$out/embeddings" --truth "$out/train.tsv" --arch mlp:1024 \
    --epochs 20 --seed 1 -o "$out/head.safetensors"
step predict predict "$out/embeddings" --head "$out/head.safetensors" \
    --features probs -o "$out/own"
step evaluate evaluate "$out/own" --truth "$out/rest.tsv" -o "$out/report" >"$out/report.txt"
head -2 "$out/report.txt"
sed '1,2d; /^most frequent/,$d; /^$/d; /^ .* without a true/d; /^top-5/d' "$out/report.txt"
echo
echo "fitted to $(wc -l <"$out/train.tsv") photographs; the others: $(
    sed -n 's/^accuracy *\([0-9.]*\) (\(.*\))$/\2 right, accuracy \1/p' "$out/report.txt")"
echo "labels of all: $out/own; report and picture: $out/report"
