#!/bin/sh
# --retry-failed beside --limit: only what is done again is forgotten.
REAP=$(realpath "${REAP:-build/reap}") 
. tests/lib.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/reap-test-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

mkdir photos
for i in 1 2 3 4 5 6 7 8; do
    { printf 'P6\n8 8\n255\n' && head -c 192 /dev/zero; } >photos/$i.ppm
done
echo 'no picture' >photos/2.ppm
echo 'no picture' >photos/7.ppm
"$REAP" import photos -o set --all -q >out || exit 1
run() { # options
    "$REAP" extract set -o store --model torchvision/resnet18 --weights none \
        --seed 1 --preset unit --input-shape 32,32 --formats all --json \
        --max-bad 50% "$@" >out 2>err
}
rows() { "$REAP" info store | awk '/^rows:/ { print $2 + 0 }'; }
forgotten() { sed -n 's/^reap: redoing \([0-9]*\) failed.*/\1/p' err; }
run --limit 3
ok $? "the first three: $(head -1 err)"
[ "$(rows)" = 3 ]
ok $? "are three rows"
[ "$("$REAP" info store | sed -n 's/^complete: *//p')" = 'the first 3 keys' ]
ok $? "of which the store is complete"
run
ok $? "all: $(head -1 err)"
marker() { "$REAP" info store | sed -n 's/^complete: *//p'; }
run --limit 5
[ "$(marker)" = 'yes, 8 keys' ]
ok $? "the first five of a complete store: $(marker)"
run --limit 3 --retry-failed
ok $? "the failed ones of the first three again: $(head -1 err)"
[ "$(forgotten)" = 1 ]
ok $? "of two failed rows one is forgotten: $(forgotten)"
[ "$(rows)" = 8 ]
ok $? "and all eight keys have a row: $(rows)"
[ "$(marker)" = 'yes, 8 keys' ]
ok $? "which the marker still says: $(marker)"
run --retry-failed
[ "$(forgotten)" = 2 ] && [ "$(rows)" = 8 ]
ok $? "without a limit both are: $(forgotten)"
mkdir bad
cp photos/2.ppm photos/7.ppm bad
"$REAP" import bad -o badset --all -q >out || exit 1
"$REAP" extract badset -o badstore --model torchvision/resnet18 \
    --weights none --preset unit --input-shape 32,32 --formats all -q \
    --max-bad 100% >out 2>err
[ $? = 65 ] && grep -q 'all 2 records are bad' err
ok $? "all bad is no success even with --max-bad 100%: $(head -1 err)"
"$REAP" info badstore --complete >out 2>err
[ $? = 65 ]
ok $? "and info --complete agrees: $(head -1 err)"
run --limit 0
[ $? = 64 ]
ok $? "--limit 0 is a usage error: $(head -1 err)"

# An LMDB that other programs make has no UUID: it may gain keys.
for set in few more other; do
    mkdir $set.d
done
for i in 1 2 3 4 5 6 7 8; do
    { printf 'P6\n8 8\n255\n' && head -c 192 /dev/zero | tr '\0' "$i"; } >more.d/$i.ppm
    cp more.d/$i.ppm other.d/x$i.ppm
    [ $i -gt 6 ] || cp more.d/$i.ppm few.d/
done
for set in few more other; do
    "$REAP" import $set.d -o $set -q >out && rm $set/index.mdb
done
plain() { # dataset, options
    set=$1
    shift
    "$REAP" extract "$set" -o grown --model torchvision/resnet18 --weights none \
        --seed 1 --preset unit --input-shape 32,32 --formats all -q "$@" >out 2>err
}
plain few && plain more
ok $? "a plain LMDB may gain keys: $(head -1 err)"
"$REAP" info grown | grep -q '^rows: *8'
ok $? "and they are done"
plain other --prune
[ $? = 78 ] && grep -q 'another dataset' err
ok $? "another dataset is refused: $(head -1 err)"
"$REAP" info grown | grep -q '^rows: *8'
ok $? "and no row is forgotten"
tap_done
