#!/bin/sh
# reap evaluate: on the labels of a small network, of which the true ones are
# made up from what it says, so that every number is known beforehand.
REAP=${REAP:-build/reap} 
. tests/lib.sh
says() { # file, pattern
    grep -q -- "$2" "$dir/$1"
    ok $? "$1 says $2"
}
refuses() { # exit status, pattern, arguments
    want=$1 pattern=$2
    shift 2
    "$REAP" evaluate "$@" >"$dir/out" 2>"$dir/err"
    [ $? = "$want" ] && grep -q -- "$pattern" "$dir/err"
    ok $? "$want: $(head -1 "$dir/err" | sed "s|$dir/||g")"
}
dir=$(mktemp -d) || exit 1
tap_logs="$dir/out $dir/err"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/in"
for i in $(seq 10 49); do
    {
        printf 'P6\n40 36\n255\n'
        head -c $((40 * 36 * 3)) /dev/urandom
    } >"$dir/in/$i.ppm"
done
"$REAP" import "$dir/in" -o "$dir/set" --quiet --all >"$dir/out" 2>"$dir/err"
small="--weights none --model torchvision/resnet18 --input-shape 64,64
    --formats all --classes 12 --quiet"
# shellcheck disable=SC2086
"$REAP" classify "$dir/set" -o "$dir/full" $small --features logits,probs \
    >"$dir/out" 2>"$dir/err"
ok $? 'forty images, scores of all classes'
# shellcheck disable=SC2086
"$REAP" classify "$dir/set" -o "$dir/top" $small --top 3 >"$dir/out" 2>"$dir/err"
ok $? 'three best of twelve classes'

# What it says becomes true for all but four of the forty, which get another
# class; two get none.
"$REAP" export "$dir/full" -o "$dir/full.csv" --quiet >/dev/null
sed 1d "$dir/full.csv" | awk -F, -v OFS='\t' '
    NR <= 4 { print $1, ($5 + 1) % 12; next }
    NR <= 38 { print $1, $5 }' >"$dir/truth.tsv"
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv" -o "$dir/report" \
    >"$dir/out" 2>"$dir/err"
ok $? 'a report'
says out '^rows  *40 in the store, 38 with'
says out ' 2 without a true label'
says out '^accuracy  *0.8947 (34 of 38)'
says out '^temperature'
for f in rows classes confusion reliability; do
    [ -s "$dir/report/$f.csv" ]
    ok $? "$f.csv is there"
done
[ "$(wc -l <"$dir/report/rows.csv")" = 41 ] &&
    [ "$(cut -d, -f10 "$dir/report/rows.csv" | grep -c 1)" = 34 ]
ok $? 'rows.csv has all rows and 34 right ones'
head -c 8 "$dir/report/confusion.png" | od -An -c | grep -q 'P   N   G'
ok $? 'confusion.png is a PNG'
awk -F, 'NR > 1 { for (i = 2; i <= NF; i++) n += $i } END { exit n != 38 }' \
    "$dir/report/confusion.csv"
ok $? 'confusion.csv adds up'
cp -r "$dir/report" "$dir/first"
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv" -o "$dir/report" >/dev/null
diff -r "$dir/first" "$dir/report" >"$dir/out" 2>"$dir/err"
ok $? 'the same bytes again'
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv" --json \
    >"$dir/out" 2>"$dir/err"
for part in '"judged":38' '"unlabelled":2' '"right":34' '"temperature":' \
    '"calibrated":{"rows":'; do
    says out "$part"
done
"$REAP" evaluate "$dir/top" --truth "$dir/truth.tsv" >"$dir/out" 2>"$dir/err"
ok $? 'the best classes alone'
says out '^accuracy  *0.8947 (34 of 38)'
says out 'needs probabilities of all'
! grep -q '^top-5 accuracy' "$dir/out"
ok $? 'three best classes give no top-5 accuracy'

# thresholds
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv" --threshold 1e-9 \
    >"$dir/out" 2>"$dir/err"
says out '^all rows  *38 of 38 labelled (100.0 %), right: 0.8947'
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv" --abstain 50% \
    >"$dir/out" 2>"$dir/err"
says out '^where it was found  *[0-9]* of [0-9]* labelled (100.0 %)'

# labels that are moved by one
awk -v OFS='\t' '{ print $1, $2 + 1 }' "$dir/truth.tsv" >"$dir/one.tsv"
"$REAP" evaluate "$dir/full" --truth "$dir/one.tsv" >"$dir/out" 2>"$dir/err"
says err 'moved by one: .* of 38 are right as they are, 3[0-9] if each class is one lower'
"$REAP" evaluate "$dir/full" --truth "$dir/one.tsv" --label-offset -1 \
    >"$dir/out" 2>"$dir/err"
says out '^accuracy  *0.8947 (34 of 38)'

# a file that is a bit strange
{
    printf '\357\273\277key,label\r\n'
    sed 's/\t/,/; s/$/\r/' "$dir/truth.tsv"
    printf 'none.ppm,1\r\n49.ppm,no such class\r\n'
} >"$dir/strange.csv"
"$REAP" evaluate "$dir/full" --truth "$dir/strange.csv" >"$dir/out" 2>"$dir/err"
says out '^accuracy  *0.8947 (34 of 38)'
says out ' 1 unknown or ambiguous label (first: no such class)'
says out ' 1 labelled key has no row'
printf '10.ppm\t3\n' >"$dir/fix.tsv"
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv,$dir/fix.tsv" \
    >"$dir/out" 2>"$dir/err"
says out ' 38 with a result'

# groups
printf '# halves\n0\tlow\t0-5\n1\thigh\t6-10\n' >"$dir/groups.tsv"
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv" \
    --groups "$dir/groups.tsv" >"$dir/out" 2>"$dir/err"
ok $? 'classes in groups'
says err ' 1 class is in no group'
says out 'macro average ([1-3] class'
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv" -o "$dir/grouped" \
    --groups "$dir/groups.tsv" --quiet >"$dir/out" 2>"$dir/err"
# shellcheck disable=SC2086
"$REAP" classify "$dir/set" -o "$dir/low" $small --features logits,probs \
    --groups "$dir/groups.tsv" >"$dir/out" 2>"$dir/err"
ok $? 'classified into groups'
"$REAP" export "$dir/low" -o "$dir/low.csv" --quiet >/dev/null
sed 1d "$dir/low.csv" | cut -d, -f1,7 >"$dir/out"
sed 1d "$dir/grouped/rows.csv" | cut -d, -f1,5 | diff - "$dir/out" >"$dir/err"
ok $? 'classify and evaluate find the same groups'
sed 1d "$dir/low.csv" | awk -F, -v OFS='\t' '{ print $1, $7 }' >"$dir/low.tsv"
"$REAP" evaluate "$dir/low" --truth "$dir/low.tsv" >"$dir/out" 2>"$dir/err"
says out '^accuracy  *1.0000 (40 of 40)'
# shellcheck disable=SC2086
"$REAP" classify "$dir/in/10.ppm" $small --groups "$dir/groups.tsv" --top 9 >"$dir/out"
awk 'NF > 2 { p += $1; n++ } END { exit n != 3 || p < 0.999 || p > 1.001 }' "$dir/out"
ok $? 'a photo, in all three groups'
# shellcheck disable=SC2086
"$REAP" classify "$dir/in/10.ppm" $small --groups "$dir/groups.tsv" \
    --classifier-activation none >"$dir/out" 2>"$dir/err"
[ $? = 64 ] && grep -q 'does not end in softmax' "$dir/err"
ok $? 'logits are not summed'
# 1001 classes: ImageNet's behind a background
# shellcheck disable=SC2086
"$REAP" classify "$dir/in/10.ppm" $small --classes 1001 --top 1001 >"$dir/out"
grep -q '  0  background' "$dir/out" && grep -q ' 1000  n15075141  toilet tissue' "$dir/out"
ok $? '1001 classes have a background'

refuses 64 'one STORE'
refuses 64 'a share is needed' "$dir/full" --truth "$dir/truth.tsv" --threshold x
refuses 64 'a share is needed' "$dir/full" --truth "$dir/truth.tsv" --abstain 2
refuses 64 'give it or' "$dir/full" --abstain 0.5 --threshold 0.5
refuses 64 'some rows must be left' "$dir/full" --validation-split 1
refuses 64 'whole number' "$dir/full" --label-offset 1.5
refuses 66 'has a true label: give' "$dir/full"
refuses 66 'none' "$dir/full" --truth "$dir/none.tsv"
printf 'a\tb\n' >"$dir/other.tsv"
refuses 66 'none of its 40 keys' "$dir/full" --truth "$dir/other.tsv"
printf '10.ppm\tb\n' >"$dir/other.tsv"
refuses 66 'no true label is one of its 12 classes' "$dir/full" --truth "$dir/other.tsv"
printf '0\ta\t0-99\n' >"$dir/groups.tsv"
refuses 66 'there are 12' "$dir/full" --truth "$dir/truth.tsv" --groups "$dir/groups.tsv"
refuses 66 'set' "$dir/set" --truth "$dir/truth.tsv"
refuses 73 'out/x' "$dir/full" --truth "$dir/truth.tsv" -o "$dir/out/x"
tap_done
