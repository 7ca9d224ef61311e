#!/bin/sh
# The head of the tutorials on the embeddings of the shared photos, 5-fold
# cross-validation: the mean accuracy of SEEDS (20) seeds is within one point of
# Keras's on the same folds. Fitted on four fifths, tested on the rest.
REAP=${REAP:-build/reap} seeds=${SEEDS:-20}
skip_all() { # reason
    echo "1..0 # skip $1"
    exit 0
}
[ -n "${REAP_SHARED:-}" ] || skip_all 'REAP_SHARED is not set: no photos'
[ -n "${REAP_PYTHON_KERAS:-}" ] && "$REAP_PYTHON_KERAS" -c 'import keras' 2>/dev/null ||
    skip_all 'no Python with Keras (REAP_PYTHON_KERAS)'
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() {
    echo 'not ok 1 - the folds are fitted'
    tail -3 "$dir/log" | sed 's/^/# /'
    echo '1..1'
    exit 1
}
{
    "$REAP" import "$REAP_SHARED/photos" -o "$dir/set" -q &&
        "$REAP" extract "$dir/set" -o "$dir/store" -q --weights "$REAP_SHARED/weights/resnet50_pqf.safetensors" &&
        rm -f "$dir"/x.*
        "$REAP" export "$dir/store" -o "$dir/x.npy" -q
} >"$dir/log" 2>&1 || fail
# The class of each photo: the first four digits of its name, in classes.tsv.
awk -F'\t' 'NR == FNR && !/^#/ { n = split($3, r, ",")
        for (i = 1; i <= n; i++) { split(r[i], e, "-"); for (k = e[1]; k <= e[2]; k++) name[k] = $2 } }
    NR != FNR { print $1 "\t" name[substr($1, 1, 4) + 0] }' \
    "$REAP_SHARED/golden/fit/classes.tsv" "$dir/x.keys.txt" >"$dir/truth"
# A fold for each line and seed: ranks of made-up numbers, modulo 5.
for s in $(seq 0 $((seeds - 1))); do
    awk -v s="$s" 'BEGIN { x = s * 7919 + 1 } { x = (x * 16807) % 2147483647; print x, NR }' "$dir/truth" |
        sort -n | awk '{ print $2, NR % 5 }' | sort -n | awk '{ print $2 }' >"$dir/truth.$s"
done
for s in $(seq 0 $((seeds - 1))); do
    for k in 0 1 2 3 4; do
        paste "$dir/truth.$s" "$dir/truth" >"$dir/both"
        awk -F'\t' -v k=$k '$1 != k { print $2 "\t" $3 }' "$dir/both" >"$dir/fit"
        awk -F'\t' -v k=$k '$1 == k { print $2 "\t" $3 }' "$dir/both" >"$dir/rest"
        rm -rf "$dir/labels"
        {
            "$REAP" fit "$dir/store" --truth "$dir/fit" -o "$dir/head" -q --arch mlp:1024 --epochs 10 \
                --seed $((s * 5 + k)) &&
                "$REAP" predict "$dir/store" --head "$dir/head" -o "$dir/labels" -q &&
                "$REAP" evaluate "$dir/labels" --truth "$dir/rest" --json >"$dir/json"
        } 2>"$dir/log" || fail
        grep -o '"right":[0-9]*,"within_five"' "$dir/json" | grep -o '[0-9][0-9]*'
    done
done | awk '{ right += $1; n += 50 } END { print right / n }' >"$dir/ours"
"$REAP_PYTHON_KERAS" tests/bench/fit_peer.py folds "$dir/x.npy" "$dir/truth" "$seeds" >"$dir/keras" 2>"$dir/log" || fail
sed 's/.*"accuracy": \([0-9.]*\).*/\1/' "$dir/keras" | awk '{ s += $1 } END { print s / NR }' >"$dir/theirs"
paste "$dir/ours" "$dir/theirs" | awk -v n="$seeds" '{
    d = 100 * ($1 - $2)
    good = (d <= 1 && d >= -1)
    printf "%sok 1 - mean of %d seeds: reap %.2f %%, Keras %.2f %%\n", (good ? "" : "not "), n, 100 * $1, 100 * $2
    print "1..1"
    exit !good }'
