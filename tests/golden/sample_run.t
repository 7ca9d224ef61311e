#!/bin/sh
# The sample of tests/golden/sample through the program itself: import, extract,
# classify, export. Rows are what the frameworks compute, statuses what the
# files are.
REAP=${REAP:-build/reap}
. tests/lib.sh
sample=tests/golden/sample tool=${B:-build}/tests/tools/sample
dir=$(mktemp -d) || exit 1
tap_logs="$dir/log"
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
run() { # the last words of what it says are kept
    "$@" >"$dir/log" 2>&1
}
count=$(($(wc -l <$sample/files.tsv) - 1))
run "$REAP" import --all $sample/images -o "$dir/set"
ok $? 'the images are imported'
"$REAP" info "$dir/set" --json | grep -q "\"records\":$count,"
ok $? "all $count of them, broken ones too"

# One network of each family, by weights that say what they are.
for net in torchvision_resnet18 torchvision_resnext50_32x4d keras_resnet50 keras_resnet50v2; do
    "$tool" weights $net "$dir/w.safetensors"
    rm -rf "$dir/store"
    run "$REAP" classify "$dir/set" -o "$dir/store" --weights "$dir/w.safetensors" \
        --formats all --features avg,logits --max-bad 40% --quiet
    ok $? "$net: classified"
    rm -f "$dir"/x.*
    run "$REAP" export "$dir/store" -o "$dir/x.npy" &&
        run "$REAP" export "$dir/store" -o "$dir/x.csv"
    ok $? "$net: exported"
    for array in avg logits; do
        off=$("$tool" compare $net $array "$dir/x.keys.txt" "$dir/x.$array.npy")
        ok $? "$net: $array is off by $off"
    done
    # key,status,reason,true_label, then index,wnid,name,prob of each rank
    "$tool" top $net | sort >"$dir/want"
    "$tool" top $net | cut -d, -f1 | grep -Ff - "$dir/x.csv" |
        sed 's/"[^"]*"/quoted/g' | cut -d, -f1,5,9,13,17,21 | sort >"$dir/got"
    cmp -s "$dir/want" "$dir/got"
    ok $? "$net: the first five labels: $(tr '\n' ' ' <"$dir/got")"
done

# The statuses of all files, "a|b" where two are right.
verdict 'each row has the status of its file' "$(
    sed 's/"[^"]*"/quoted/g; 1d' "$dir/x.csv" | cut -d, -f1,2 |
        awk -F'[\t,]' 'NR == FNR { want[$1] = $2; next }
            { seen[$1] = 1 }
            !index("|" want[$1] "|", "|" $2 "|") { print $1 " is " $2 ", not " want[$1] }
            END { for (f in want) if (f != "file" && !(f in seen)) print f " has no row" }
        ' $sample/files.tsv -
)"

# A photo alone goes the same way.
"$tool" weights torchvision_resnet18 "$dir/w.safetensors"
"$REAP" classify $sample/images/scene_420.jpg --weights "$dir/w.safetensors" --json \
    >"$dir/out" 2>"$dir/log"
grep -o '"index":[0-9]*' "$dir/out" | cut -d: -f2 | tr '\n' ',' >"$dir/got"
want=$("$tool" top torchvision_resnet18 | sed -n 's/^scene_420.jpg,//p')
[ "$(cat "$dir/got")" = "$want," ]
ok $? "a photo alone: $want; $(cat "$dir/got")"
tap_done
