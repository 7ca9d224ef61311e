#!/bin/sh
# Heads fitted and used on made-up embeddings: bad input of every kind, the same
# bytes for threads and after any stop.
REAP=${REAP:-build/reap} 
. tests/lib.sh
put=${B:-build}/tests/tools/put_embeddings
dir=$(mktemp -d) || exit 1
tap_logs="$dir/err"
trap 'rm -rf "$dir"' EXIT
gives() { # exit status, pattern in what it says, reap's arguments
    want=$1 pattern=$2
    shift 2
    "$REAP" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$want" ] && cat "$dir/out" "$dir/err" | grep -q -- "$pattern"
    ok $? "reap $(echo "$*" | sed "s|$dir/||g") exits $want: $pattern"
}
s=$dir/store h=$dir/head
"$put" "$s" 300 40 4 1 && "$put" "$dir/other" 60 40 4 2 && "$put" "$dir/wide" 60 41 4 1 &&
    "$put" "$dir/more" 90 40 5 1
ok $? 'stores are made'
seq -f '%09g' 0 299 | awk '{ printf "%s\tk%d\n", $1, NR % 3 }' >"$dir/truth"

gives 0 'fitted on 300 examples' fit "$s" -o "$h"
gives 0 'val_accuracy' fit "$s" -o "$h" --arch mlp:70 --validation-split 0.2
gives 0 '"val_accuracy":' fit "$s" -o "$h" --json --solver lbfgs --validation-split 0.2
gives 0 'epoch 3/3 ' fit "$s" -o "$h" --solver sgd --momentum 0.9 --lr 0.1 --epochs 3 --schedule cosine
gives 0 'of epoch' fit "$s" -o "$h" --epochs 50 --early-stop 2 --schedule plateau:1:0.5 --validation-split 0.3
gives 0 '4 classes' fit "$s" -o "$h" --class-weight balanced

# labels
gives 0 '3 classes' fit "$s" --truth "$dir/truth" -o "$h"
{ printf '\357\273\277key\tlabel\r\n'; head -200 "$dir/truth" | sed 's/$/\r/'; } >"$dir/windows"
gives 0 'fitted on 200' fit "$s" --truth "$dir/windows" -o "$h"
grep -q '100 rows without a label' "$dir/err"
ok $? 'rows without a label are counted'
sed 's/^0/x/' "$dir/truth" >"$dir/strangers"
gives 66 'no label for any' fit "$s" --truth "$dir/strangers" -o "$h"
head -50 "$dir/truth" | cat - "$dir/strangers" >"$dir/some"
gives 0 '300 labelled keys have no vector' fit "$s" --truth "$dir/some" -o "$h"
sed 's/\t.*/\tone/' "$dir/truth" >"$dir/one"
gives 66 "all 300 labels are 'one'" fit "$s" --truth "$dir/one" -o "$h"
: >"$dir/empty"
gives 66 . fit "$s" --truth "$dir/empty" -o "$h"
gives 66 . fit "$s" --truth "$dir/none" -o "$h"
gives 66 . fit "$s" --truth /bin/ls -o "$h"
printf '000000000\tk0\n000000001\tk1\n000000002\tk1\n000000003\tk1\n' >"$dir/few"
gives 0 'only one example' fit "$s" --truth "$dir/few" --validation-split 0.5 -o "$h"
awk -F'\t' '{ print; if (NR % 2) print $1 "\tsecond" } END { print "000000005\t" }' "$dir/truth" >"$dir/many"
gives 0 '4 classes' fit "$s" --truth "$dir/many" --activation sigmoid -o "$h"
printf 'c0\t3\nc9\t1\n' >"$dir/weights"
gives 66 "no class 'c9'" fit "$s" --class-weight "$dir/weights" -o "$h"
printf 'c0\t-3\n' >"$dir/weights"
gives 64 'not a number above 0' fit "$s" --class-weight "$dir/weights" -o "$h"
gives 0 "unknown classes, such as 'c4'" fit "$s" --validation "$dir/more" -o "$h"
gives 78 'another model' fit "$s" --validation "$dir/other" -o "$h"

# options
for wrong in '--arch mlp:0' '--arch deep' '--lr -1' '--lr x' '--dropout 1 --arch mlp:4' '--dropout 0.5' \
    '--schedule step:0:1' '--schedule often' '--epochs 0' '--batch 0' '--batch 70000' '--solver newton' \
    '--solver lbfgs --arch mlp:4' '--solver lbfgs --lr 1' '--momentum 0.5' '--validation-split 1' \
    '--threads 0' '--activation relu'; do
    # shellcheck disable=SC2086
    gives 64 . fit "$s" -o "$h" $wrong
done
gives 64 'has no column' fit "$s" -o "$h" --features max
gives 66 . fit "$dir/truth" -o "$h"
gives 73 . fit "$s" -o "$dir/no/folder" --epochs 1
gives 64 'is too high' fit "$s" -o "$dir/nan" --solver sgd --lr 1000 --penalty 1 --epochs 20
grep -q 'at step [0-9]* (epoch' "$dir/err" && [ ! -e "$dir/nan" ]
ok $? 'the step is named and no head is left'

# the same bytes
fit="--arch mlp:200 --epochs 6 --validation-split 0.2 --early-stop 6 --seed 5"
# shellcheck disable=SC2086
for t in 1 2 3; do "$REAP" fit "$s" -q $fit --threads $t -o "$dir/t$t"; done
cmp -s "$dir/t1" "$dir/t2" && cmp -s "$dir/t1" "$dir/t3"
ok $? 'the same bytes for 1, 2 and 3 threads'
for t in 1 3; do "$REAP" fit "$s" -q --solver lbfgs --threads $t -o "$dir/l$t"; done
cmp -s "$dir/l1" "$dir/l3"
ok $? 'L-BFGS: the same for 1 and 3'
fit="$fit --epochs 300 --early-stop 300"
# shellcheck disable=SC2086
"$REAP" fit "$s" -q $fit -o "$dir/whole"
# shellcheck disable=SC2086
stop() { # signal; leaves its status
    : >"$dir/out"
    "$REAP" fit "$s" $fit -o "$dir/parts" >"$dir/out" 2>"$dir/err" &
    pid=$!
    while ! [ -s "$dir/out" ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
    kill "-$1" $pid 2>/dev/null
    wait $pid 2>/dev/null
}
stop USR1
got=$?
[ $got = 75 ] && [ -s "$dir/parts.part" ] && [ ! -e "$dir/parts" ]
ok $? "SIGUSR1 saves and exits 75: $got"
stop KILL
# shellcheck disable=SC2086
gives 0 'resuming after' fit "$s" $fit -o "$dir/parts"
cmp -s "$dir/whole" "$dir/parts" && [ ! -e "$dir/parts.part" ]
ok $? 'drained, killed, gone on: the same bytes, and nothing is left'
rm "$dir/parts"
stop TERM
dd if=/dev/zero of="$dir/parts.part" bs=1 seek=1000 count=60000 conv=notrunc 2>/dev/null
truncate -s -5 "$dir/parts.part"
# shellcheck disable=SC2086
gives 0 'cannot be read; fitting from the beginning' fit "$s" $fit -o "$dir/parts"
cmp -s "$dir/whole" "$dir/parts"
ok $? 'a damaged state is passed over: the same bytes'
stop TERM
gives 0 'is of another fit' fit "$s" --arch mlp:200 --epochs 1 -o "$dir/parts"

# predict
"$REAP" fit "$s" -q -o "$h" --solver lbfgs
gives 0 '300 rows labelled' predict "$s" --head "$h" -o "$dir/labels" --features logits,probs --top 2
gives 0 '300 there already' predict "$s" --head "$h" -o "$dir/labels" --features logits,probs --top 2
"$REAP" evaluate "$dir/labels" --json >"$dir/out" 2>"$dir/err"
grep -q '"accuracy":0.[5-9]' "$dir/out"
ok $? 'most labels are right'
"$REAP" predict "$s" --head "$h" -q -o "$dir/l5" --threads 5 --features logits,probs --top 2
"$REAP" export "$dir/labels" -q -o "$dir/a.csv" && "$REAP" export "$dir/l5" -q -o "$dir/b.csv"
cmp -s "$dir/a.csv" "$dir/b.csv"
ok $? 'the same labels with 5 threads'
"$REAP" fit "$s" -q -o "$dir/h2" --seed 2
gives 78 'made with other settings' predict "$s" --head "$dir/h2" -o "$dir/labels" --features logits,probs --top 2
gives 78 'weights was seed:1 and is seed:2' predict "$dir/other" --head "$h" -o "$dir/x"
gives 78 'output was avg 1x1x40 and is avg 1x1x41' predict "$dir/wide" --head "$h" -o "$dir/x"
gives 66 'not a weights file' predict "$s" --head "$dir/truth" -o "$dir/x"
gives 66 . predict "$s" --head "$dir/none" -o "$dir/x"
gives 64 'a head gives logits, probs, top' predict "$s" --head "$h" -o "$dir/x" --features avg
gives 64 'are needed' predict "$s" -o "$dir/x"
[ ! -e "$dir/x" ]
ok $? 'what is refused leaves no store'
gives 0 'layers:   40 -> 4, softmax' info "$h"
tap_done
