#!/bin/sh
# int8 of the shared weights, calibrated on 100 of the shared photos, beside
# fp32 on the other 150: cosines at the mean and at the worst percent.
REAP=${REAP:-build/reap} 
. tests/lib.sh
weights=${REAP_SHARED:-/nonexistent}/weights/resnet50_pqf.safetensors
if [ ! -f "$weights" ]; then
    echo '1..0 # skip REAP_SHARED names no folder with weights/resnet50_pqf'
    exit 0
fi
case ${REAP_CPU:-vnni} in avx* | vnni | bf16 | amx) ;; *)
    echo "1..0 # skip REAP_CPU=$REAP_CPU forbids int8"
    exit 0
    ;;
esac
if ! grep -qw avx2 /proc/cpuinfo; then
    echo '1..0 # skip int8 needs AVX2'
    exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/100" "$dir/150"
i=0
for f in "$REAP_SHARED"/photos/*.JPEG; do # two of five calibrate
    i=$((i + 1))
    case $((i * 2 % 5)) in 0 | 1) to=100 ;; *) to=150 ;; esac
    cp "$f" "$dir/$to/"
done
for s in 100 150; do
    "$REAP" import "$dir/$s" -o "$dir/set$s" --json >"$dir/out"
    grep -q "\"records\":$s[,}]" "$dir/out"
    ok $? "$s photos: $(cat "$dir/out")"
done
"$REAP" quantize "$weights" --calibrate "$dir/set100" -o "$dir/q.safetensors" \
    --json >"$dir/out"
ok $? "quantized: $(cat "$dir/out")"
"$REAP" info "$dir/q.safetensors" | grep -q '^int8: .*images=100'
ok $? 'info tells what it was calibrated with'
"$REAP" compare "$dir/q.safetensors" "$dir/set150" --precision int8 --json >"$dir/out"
ok $? "compared: $(cut -c1-400 "$dir/out")"
cosine() { # percentile
    sed "s/.*\"cosine\":{[^}]*\"$1\":\([0-9.]*\).*/\1/; q" "$dir/out"
}
echo "$(cosine mean)" | awk '{ exit !($1 >= 0.995) }'
ok $? "mean cosine $(cosine mean), at least 0.995"
echo "$(cosine p1)" | awk '{ exit !($1 >= 0.98) }'
ok $? "of the worst percent $(cosine p1), at least 0.98"
"$REAP" extract "$dir/set150" -o "$dir/auto" --weights "$dir/q.safetensors" \
    --precision auto --limit 4 -q && "$REAP" info "$dir/auto" |
    grep -qF 'arithmetic (--precision) int8'
ok $? '--precision auto takes int8 for weights that have scales'
"$REAP" compare "$weights" "$dir/set150" --precision int8 >"$dir/out" 2>&1
[ $? = 64 ] && grep -q 'reap quantize WEIGHTS --calibrate' "$dir/out"
ok $? 'weights without scales are refused, and what to type is named'
"$REAP" quantize "$dir/q.safetensors" --calibrate "$dir/set150" --limit 2 \
    -o "$dir/again.safetensors" >"$dir/out" 2>&1
ok $? "quantized weights can be quantized: $(tail -1 "$dir/out" | cut -d: -f2-)"
"$REAP" quantize "$weights" -o "$dir/none" >"$dir/out" 2>&1
[ $? = 64 ] && [ ! -e "$dir/none" ]
ok $? 'a dataset is needed'
tap_done
