#!/bin/sh
# The rule of outputs: never over an input, never over what reap did not write
# or a person has changed since, unless forced; what reap wrote is replaced.
REAP=${REAP:-build/reap}
case $REAP in /*) ;; *) REAP=$PWD/$REAP ;; esac
lib=$PWD/tests/lib.sh B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
. "$lib"
dir=$(mktemp -d) || exit 1
tap_logs="$dir/err"
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
run() { "$REAP" "$@" >out 2>err; }
refuses() { # exit status, pattern, arguments
    want=$1 pattern=$2
    shift 2
    run "$@"
    [ $? = "$want" ] && grep -q -- "$pattern" err
    ok $? "$want: $(head -1 err)"
}
mkdir in
for i in $(seq 10 33); do
    { printf 'P6\n8 8\n255\n'; head -c 192 /dev/urandom; } >in/$i.ppm
done
run import in -o set --all -q
small="--weights none --seed 1 --model torchvision/resnet18 --input-shape 32,32 --formats all -q"
run extract set -o st $small
ok $? 'a store'
run export st -o v.npy
ok $? 'an export'
grep -q '^wrote v.npy: 24 x 512 float32' out && grep -q '^wrote v.keys.txt: 24 keys' out
ok $? 'each file is named with its shape'
sha=$(sha256sum v.npy | cut -d' ' -f1)
grep -q "\"sha256\": \"$sha\"" v.meta.json
ok $? 'the sha256 of its bytes stands in v.meta.json'
awk '{ print $0 "\t" (NR % 2 ? "cat" : "dog") }' v.keys.txt >t.tsv
run export st -o v.npy && run export st -o v.csv && run export st -o v.jsonl
ok $? 'what reap wrote is replaced, and exports of one store share v.meta.json'
[ "$(grep -c sha256 v.meta.json)" = 5 ]
ok $? 'which has a hash for each of five files'

# every command that writes, over a file of a person's and over its inputs
run fit st --truth t.tsv -o h -q
run predict st --head h --features probs -o lab -q
printf 'precious\n' >mine.csv
for c in npy csv jsonl fvecs fbin faiss safetensors; do printf 'precious\n' >mine.$c; done
cp mine.csv mine.png
cp mine.csv mine.keys.txt
w=w.safetensors
"$B/tests/tools/make_weights" torchvision/resnet18 1 $w >out 2>err
ok $? 'weights'
cp $w w2.safetensors
keeps() { # file, exit status, pattern, arguments
    cp "$1" keep
    kept=$1
    shift
    refuses "$@"
    cmp -s keep "$kept"
    ok $? "$3 keeps $kept"
}
for c in npy csv jsonl fvecs fbin faiss safetensors; do
    keeps mine.$c 73 'nothing beside it says' export st -o mine.$c
done
keeps mine.keys.txt 73 'nothing beside it says' export st -o mine.keys.txt --to csv
rm mine.npy
keeps mine.keys.txt 73 'mine.keys.txt exists' export st -o mine.npy
keeps t.tsv 64 'reads it' fit st --truth t.tsv -o t.tsv
keeps t.tsv 64 'reads it' fit st --truth ./v.csv,t.tsv -o ./t.tsv
keeps mine.csv 73 'nothing beside it says' fit st --truth t.tsv -o mine.csv
keeps mine.csv 73 'nothing beside it says' review lab --truth t.tsv -o mine.csv
keeps $w 64 'reads it' weights $w -o $w
ln $w again.safetensors
keeps $w 64 'reads it' weights $w -o again.safetensors
ln -s $w link.safetensors
keeps $w 64 'reads it' weights $w -o link.safetensors
keeps w2.safetensors 73 'nothing beside it says' weights $w -o w2.safetensors
keeps mine.png 73 'nothing beside it says' show in/10.ppm --pixels mine.png --formats all
keeps in/10.ppm 64 'reads it' show in/10.ppm --pixels in/10.ppm --formats all
keeps st/data.mdb 64 'in a folder that' export st -o st/data.mdb --to csv
keeps st/data.mdb 64 'in a folder that' export st -o st/data.mdb --to csv --force
mkdir report && cp mine.csv report/rows.csv
keeps report/rows.csv 73 'nothing beside it says' evaluate lab --truth t.tsv -o report
refuses 64 'reads it' export st -o st
refuses 64 'reads it' predict st --head h -o st
refuses 64 'reads it' import in -o in
cp mine.csv h3.part
keeps h3.part 73 'reap did not write' fit st --truth t.tsv -o h3
run extract set -o stw --weights $w --input-shape 64,64 --formats all -q && run fit stw --truth t.tsv -o hw -q
keeps mine.csv 73 'holds no features' tune set --weights $w --unfreeze layer4 --head hw --input-shape 64,64 --truth t.tsv --keep-features mine.csv -o m --epochs 1 --formats all
ln -s t.tsv l.csv
keeps t.tsv 73 'symbolic link' export st -o l.csv

# changed since
echo changed >>v.csv
keeps v.csv 73 'was changed after' export st -o v.csv
run export st -o v.csv --force && ! grep -q changed v.csv
ok $? '--force replaces it'
keeps h 64 'reads it' predict st --head h -o h
run fit st --truth t.tsv -o h -q
ok $? 'a head is replaced'
printf x >>h
keeps h 73 'was changed after' fit st --truth t.tsv -o h -q

# rows of other weights may not hide behind one description
run extract set -o st2 --weights none --seed 2 --model torchvision/resnet18 --input-shape 32,32 --formats all -q
keeps v.npy 73 'from other weights' export st2 -o v.csv
run export st2 -o v.csv --force
ok $? 'but for --force'
run export st2 -o v.npy
ok $? 'the array of the other store, which replaces all that is told'

# standard output
run export st -o - --to csv -q && [ "$(head -1 out | cut -d, -f1)" = key ] && [ "$(wc -l <out)" = 25 ]
ok $? '-o - is standard output'
run export st -o /dev/stdout --to jsonl && [ "$(grep -c '^{' out)" = 24 ] && [ "$(wc -l <out)" = 24 ]
ok $? 'and so is /dev/stdout, with nothing else on it'
refuses 64 'name a file' export st -o - --to npy
[ ! -e - ]
ok $? 'no file is called -'

# numbers as text, cells that a spreadsheet would run, names that split lines
run export st -o v.csv --vectors --force && [ "$(head -1 v.csv | tr , '\n' | wc -l)" = 516 ]
ok $? '--vectors: a column for each number'
run export st -o v.jsonl --vectors && [ "$(head -1 v.jsonl | grep -o ',' | wc -l)" -gt 511 ]
ok $? 'or an array'
run export st -o v.csv && grep -q -- '--vectors' err
ok $? 'that they are left out is said'
mkdir odd
for c in '=1+1' '@x' "$(printf 'a\302\205b')" "$(printf 'a\342\200\250b')" "$(printf 'a\033[31mb')" "$(printf 'a\302\233b')"; do
    cp in/10.ppm "odd/$c.ppm"
done
run import odd -o oddset --all -q && run extract oddset -o oddst $small && run export oddst -o odd.csv --csv-safe
ok $? 'odd names'
grep -q "^\"'=1+1.ppm\",ok" odd.csv && grep -q "^\"'@x.ppm\",ok" odd.csv
ok $? '--csv-safe takes the sting out of cells'
run export oddst -o odd.npy
grep -qF 'a\u{0085}b.ppm' odd.keys.txt && grep -qF 'a\u{2028}b.ppm' odd.keys.txt && grep -qF 'a\x1b[31mb.ppm' odd.keys.txt
ok $? 'what splits lines is escaped'
(
    for f in odd/a*; do
        "$REAP" show "$f" --formats all
        "$REAP" info "$f"
        "$REAP" extract "$f" --labels "$f" $small
        "$REAP" extract "$f" --weights none --model torchvision/resnet18 --input-shape 32,32 --formats all
        "$REAP" extract "$f" --weights none --model torchvision/resnet18 --input-shape 32,32 --formats all --json
        "$REAP" export "$f" -o x.csv
        "$REAP" weights "$f" --model "$(printf 'x\033[1m')"
        "$REAP" classify "$f" --truth "$f" --weights "$f"
        "$REAP" "$f"
    done
) >said 2>&1
! LC_ALL=C grep -q "$(printf '\033\|\302\233\|\302\205\|\342\200\250')" said && [ -s said ]
ok $? 'none of them reaches a terminal'

# links to destroy what they lead to
rm -rf shared; cp -r set shared
for f in lock.mdb index.mdb-lock import.lock; do
    rm -f shared/$f; cp mine.csv victim-$f; ln -s "$dir/victim-$f" shared/$f
done
run info shared
ok $? 'a dataset whose locks are links is read'
run extract shared -o e1 $small
ok $? 'and used'
refuses 73 'symbolic link' import in -o shared --all -q
rm -rf shared2; cp -r st shared2
for f in lock.mdb reap.lock; do
    rm -f shared2/$f; cp mine.csv victim-s$f; ln -s "$dir/victim-s$f" shared2/$f
done
run info shared2
refuses 73 'symbolic link' extract set -o shared2 $small
[ "$(cat victim-* | sort -u)" = precious ]
ok $? 'nothing was written through a link'

# what is there and is no file
mkfifo pipe.csv
refuses 73 'no regular file' export st -o pipe.csv
refuses 73 'no regular file' export st -o pipe.csv --force
umask 077
run export st -o private.csv && [ "$(stat -c %a private.csv private.meta.json | sort -u)" = 600 ]
ok $? 'the umask is obeyed'
ls | grep -q '\.part-'
[ $? = 1 ]
ok $? 'no part of a file is left'
tap_done
