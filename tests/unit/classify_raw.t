#!/bin/sh
# A program written from engine/engine.h alone gives what reap gives for the
# same pixels and weights, and says what is wrong with others.
REAP=${REAP:-build/reap} tools=$(readlink -f "${B:-build}/tests/tools")
. tests/lib.sh
dir=$(mktemp -d) || exit 1
tap_logs="$dir/err"
trap 'rm -rf "$dir"' EXIT
"$tools/make_weights" torchvision/resnet18 1 "$dir/w.safetensors"
ok $? 'weights are made'
# 224 x 224 pixels that are no two alike in a row
awk 'BEGIN { for (i = 0; i < 224 * 224 * 3; i++)
    printf "%c", 33 + (i * 7 + int(i / 672) * 13 + (i % 3) * 29) % 90 }' >"$dir/raw"
{ printf 'P6\n224 224\n255\n' && cat "$dir/raw"; } >"$dir/photo.ppm"
"$tools/classify_raw" "$dir/w.safetensors" <"$dir/raw" >"$dir/program" 2>"$dir/err"
ok $? "it runs: $(head -1 "$dir/program")"
"$REAP" classify "$dir/photo.ppm" --weights "$dir/w.safetensors" --preset unit \
    --resize none --crop 224x224 --formats all --features avg --top 3 --json \
    >"$dir/reap" 2>"$dir/err"
ok $? 'reap classifies the same pixels'
best() { # from JSON: index and probability of each class, then four numbers
    tr '{}[]' '\n\n\n\n' <"$dir/reap" |
        sed -n 's/.*"index":\([0-9]*\).*"prob[a-z]*":\([0-9.e-]*\).*/\1 \2/p'
}
best | awk '{ printf "%d %.6f\n", $1, $2 }' >"$dir/best"
[ -s "$dir/best" ] && head -3 "$dir/program" | cmp -s - "$dir/best"
ok $? "the same classes and probabilities: $(paste -sd' ' "$dir/best")"
sed -n '4p' "$dir/program" >"$dir/mine"
sed 's/.*"avg":\[\([^]]*\)\].*/\1/; s/,/ /g' "$dir/reap" >"$dir/its"
cat "$dir/mine" "$dir/its" | awk '
    NR == 1 { n = NF; for (i = 1; i <= n; i++) x[i] = $i }
    NR == 2 { for (i = 1; i <= n; i++) {
                  if (($i - x[i]) ^ 2 > (1e-8 * x[i]) ^ 2) bad++
                  big += $i > 0.1 } }
    END { exit !(NR == 2 && NF == 512 && n == 512 && !bad && big) }'
ok $? 'and the same 512 numbers of the embedding'
head -c 1000 "$dir/raw" | "$tools/classify_raw" "$dir/w.safetensors" >"$dir/out" 2>"$dir/err"
[ $? = 1 ] && grep -q '150528 bytes of RGB' "$dir/err"
ok $? 'too few pixels are refused'
"$tools/classify_raw" "$dir/raw" <"$dir/raw" >"$dir/out" 2>"$dir/err"
[ $? = 1 ] && grep -q 'not a weights file' "$dir/err"
ok $? 'what is not weights is refused'
tap_done
