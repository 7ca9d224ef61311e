#!/bin/sh
# reap compare: what it prints, and what it refuses.
REAP=${REAP:-build/reap} 
. tests/lib.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/in"
for i in 1 2 3 4 5 6 7 8 9 10; do
    {
        printf 'P6\n40 36\n255\n'
        head -c $((40 * 36 * 3)) /dev/urandom
    } >"$dir/in/$i.ppm"
done
"$REAP" import "$dir/in" -o "$dir/set" --quiet --all >"$dir/out" 2>&1
ok $? "ten images: $(tail -1 "$dir/out")"
small="--model torchvision/resnet18 --input-shape 64,64 --formats all"
"$REAP" compare none "$dir/set" $small --precision fp32 --json >"$dir/out"
ok $? 'fp32 compared with itself'
for part in '"images":10,"bad":0' '"cosine":{"p1":1.0,"p5":1.0,"p50":1.0,"mean":1.0}' \
    '"relative_error":{"p1":0.0,"p5":0.0,"p50":0.0,"mean":0.0}' \
    '"top1":1.0,"top5":1.0' '"worst":\[{"key":"1.ppm"'; do
    grep -q -- "$part" "$dir/out"
    ok $? "JSON says $part"
done
"$REAP" compare none "$dir/set" $small --precision fp32,fp32 --limit 9 >"$dir/out"
[ "$(grep -c '^fp32 .* compared with fp32 .* 9 images' "$dir/out")" = 2 ]
ok $? 'two precisions, the first nine images'
"$REAP" compare none "$dir/set" --model torchvision/resnet18 \
    --input-shape 64,64 --precision fp32 >"$dir/out" 2>&1
[ $? = 66 ] && grep -q 'none of its 10 records' "$dir/out"
ok $? 'a dataset of images that are not accepted'
# Near fp32: mean relative error at most 5e-5; refused where there is none.
REAP_CPU=avx2 "$REAP" compare none "$dir/set" $small --precision bf16x3 \
    >"$dir/out" 2>&1
[ $? = 64 ] && grep -q 'bf16x3: this CPU does not compute it' "$dir/out"
ok $? 'bf16x3 without tile registers is refused'
if grep -qw amx_bf16 /proc/cpuinfo && [ "${REAP_CPU:-amx}" = amx ]; then
    "$REAP" compare none "$dir/set" $small --precision bf16x3 --json >"$dir/out" &&
        sed 's/.*"relative_error":{[^}]*"mean":\([-0-9.e]*\).*/\1/; q' "$dir/out" |
        awk '{ exit !(NF == 1 && $1 > 0 && $1 <= 5e-5) }'
    ok $? "bf16x3 compared with fp32: $(cut -c1-200 "$dir/out")"
else
    n=$((n + 1))
    echo "ok $n # skip bf16x3 needs AMX: not on this CPU, or REAP_CPU forbids it"
fi
"$REAP" compare none >"$dir/out" 2>&1
[ $? = 64 ] && grep -q 'DATASET' "$dir/out"
ok $? 'a dataset is needed'
"$REAP" compare none "$dir/set" $small --precision fp33 >"$dir/out" 2>&1
[ $? = 64 ] && grep -q 'fp33' "$dir/out"
ok $? 'there is no fp33'
tap_done
