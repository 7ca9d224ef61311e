#!/bin/sh
# reap neighbours: what is found, filtered, kept and refused.
REAP=${REAP:-build/reap}
. tests/lib.sh
tools=${B:-build}/tests/tools
dir=$(mktemp -d) || exit 1
tap_logs="$dir/out $dir/err"
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
export REAP_CACHE="$dir/cache"
run() { "$REAP" "$@" >"$dir/out" 2>"$dir/err"; }
says() { # file, pattern
    grep -q -- "$2" "$dir/$1"
    ok $? "$1 says $2"
}
refuses() { # exit status, pattern, arguments
    want=$1 pattern=$2
    shift 2
    run "$@"
    [ $? = "$want" ] && grep -q -- "$pattern" "$dir/err"
    ok $? "$want: $(head -1 "$dir/err" | sed "s|$dir/||g")"
}
"$tools/put_embeddings" "$dir/s" 1500 48 5 1
ok $? 'a store of 1,500 made rows'
run neighbours "$dir/s" 000000007 000001499 -k 3
ok $? 'neighbours of two keys'
cp "$dir/out" "$dir/two"
[ "$(grep -c '^    [123]  ' "$dir/out")" = 6 ]
ok $? 'are three each'
[ ! -e "$dir/s/neighbours.avg" ]
ok $? 'which keeps nothing'
run neighbours "$dir/s" --k 12 -o "$dir/all.csv" --threads 1
ok $? 'neighbours of all rows'
[ "$(wc -l <"$dir/all.csv")" = 18001 ]
ok $? 'are twelve each'
[ -f "$dir/s/neighbours.avg" ] && [ ! -e "$dir/s/neighbours.avg.part" ]
ok $? 'and are kept in the store'
cp "$dir/s/neighbours.avg" "$dir/kept"
run neighbours "$dir/s" 000000007 000001499 -k 3 && cmp -s "$dir/out" "$dir/two"
ok $? 'what is kept answers the same'
rm "$dir/s/neighbours.avg"
run neighbours "$dir/s" -k 12 -o "$dir/again.csv" --threads 3 &&
    cmp "$dir/all.csv" "$dir/again.csv" && cmp "$dir/kept" "$dir/s/neighbours.avg"
ok $? 'three threads give the same bytes'
run neighbours "$dir/s" -k 3 -o "$dir/three.csv" &&
    awk -F, '$2 < 4 || NR == 1' "$dir/all.csv" | cmp - "$dir/three.csv"
ok $? 'fewer are the first of those kept'
# What is kept is not trusted: cut short, changed, of other rows.
for how in 'head -c 5000' 'tr 0 1' 'head -c 0'; do
    $how <"$dir/kept" >"$dir/s/neighbours.avg"
    run neighbours "$dir/s" -k 12 -o "$dir/again.csv" &&
        cmp -s "$dir/all.csv" "$dir/again.csv" &&
        cmp -s "$dir/kept" "$dir/s/neighbours.avg"
    ok $? "what $how leaves of it is computed again"
done
"$tools/put_embeddings" "$dir/other" 1500 48 5 2
cp "$dir/kept" "$dir/other/neighbours.avg"
run neighbours "$dir/other" -k 12 -o "$dir/other.csv" &&
    ! cmp -s "$dir/kept" "$dir/other/neighbours.avg"
ok $? 'that of another store does not count'

run neighbours "$dir/s" 000000007 --label c3 -k 4 --json
ok $? 'rows of a label'
[ "$(grep -o '"label":"c3"' "$dir/out" | wc -l)" = 4 ]
ok $? 'and no others'
run neighbours "$dir/s" 000000007 --match '0000001*' -k 9 --status ok
[ "$(grep -c '  0000001' "$dir/out")" = 9 ]
ok $? 'keys like a glob'
run neighbours "$dir/s" --match '00000010?' -k 20 -o "$dir/among.jsonl"
[ "$(wc -l <"$dir/among.jsonl")" = 1500 ] &&
    [ "$(head -1 "$dir/among.jsonl" | grep -o '"key"' | wc -l)" = 10 ]
ok $? 'of every row, among ten'
refuses 66 'fits --label none' neighbours "$dir/s" 000000007 --label none
refuses 66 "fits --status tiny" neighbours "$dir/s" --status tiny,warned
refuses 64 'only rows that are ok have embeddings' neighbours "$dir/s" --status corrupt
refuses 64 'a whole number from 1 to 1000' neighbours "$dir/s" -k 0
refuses 64 'a whole number from 1 to 1000' neighbours "$dir/s" -k ten
refuses 64 'ends in .csv or .jsonl' neighbours "$dir/s" -o "$dir/x.txt"
refuses 66 'neither a key of' neighbours "$dir/s" nobody
refuses 64 'a STORE is needed' neighbours
refuses 66 '' neighbours "$dir/none" 7
refuses 64 "no column 'max'" neighbours "$dir/s" --features max

# A store that cannot be written answers, and keeps what it found in the cache.
if [ "$(id -u)" != 0 ]; then
    rm "$dir/s/neighbours.avg"
    chmod a-w "$dir/s"
    run neighbours "$dir/s" -k 12 -o "$dir/again.csv" &&
        cmp "$dir/all.csv" "$dir/again.csv" && [ -n "$(ls "$dir/cache/neighbours")" ]
    ok $? 'a store that cannot be written'
    chmod u+w "$dir/s"
else
    rm "$dir/s/neighbours.avg"
    mkdir "$dir/s/neighbours.avg" # nothing can take its place
    run neighbours "$dir/s" -k 12 -o "$dir/again.csv" &&
        cmp "$dir/all.csv" "$dir/again.csv" && [ -n "$(ls "$dir/cache/neighbours")" ]
    ok $? 'a store that cannot be written'
    rmdir "$dir/s/neighbours.avg"
fi

# Vectors of a file: its own rows find themselves.
run export "$dir/s" -o "$dir/v.npy" --quiet
run neighbours "$dir/s" "$dir/v.npy" -k 1 --json
[ "$(wc -l <"$dir/out")" = 1500 ] && [ "$(grep -c '"cosine":1.0}' "$dir/out")" -gt 700 ] &&
    [ "$(awk -F'"' '{ printf "%09d\n", NR - 1 > "/dev/stderr"; print $10 }' "$dir/out" 2>"$dir/want" |
        cmp - "$dir/want")" = '' ]
ok $? 'vectors of a file find the rows they are of'
head -c 3000 "$dir/v.npy" >"$dir/cut.npy"
refuses 66 'it is cut short' neighbours "$dir/s" "$dir/cut.npy"
echo no >"$dir/no.npy"
refuses 66 'not a .npy file' neighbours "$dir/s" "$dir/no.npy"
"$tools/put_embeddings" "$dir/wide" 20 60 2 1
run export "$dir/wide" -o "$dir/wide.npy" --quiet
refuses 78 'vectors of 60 numbers' neighbours "$dir/s" "$dir/wide.npy"

# Photos: rows of the store find themselves through its own weights.
mkdir "$dir/in"
for i in 1 2 3 4 5 6; do
    {
        printf 'P6\n40 36\n255\n'
        head -c $((i * 700)) /dev/zero
        head -c $((4320 - i * 700)) /dev/urandom
    } >"$dir/in/$i.ppm"
done
echo broken >"$dir/in/9.ppm"
"$tools/make_weights" torchvision/resnet18 1 "$dir/w.safetensors" >"$dir/out" 2>"$dir/err"
ok $? 'weights are made'
run import "$dir/in" -o "$dir/set" --quiet --all &&
    run extract "$dir/set" -o "$dir/p" --weights "$dir/w.safetensors" --quiet \
        --input-shape 64,64 --formats all --features avg,max --max-bad 5
ok $? 'a store of six images and one that is none'
run neighbours "$dir/p" "$dir/in/3.ppm" -k 2 --sandbox auto --decode-time 9
ok $? 'neighbours of a photo'
says out '^    1   1.0000  3.ppm'
says err '1 row without a result left out'
run neighbours "$dir/p" "$dir/in/3.ppm" 4.ppm --features max -k 2
says out '^    1   1.0000  3.ppm'
mv "$dir/w.safetensors" "$dir/moved.safetensors"
refuses 66 'give them by --weights FILE' neighbours "$dir/p" "$dir/in/3.ppm"
run neighbours "$dir/p" "$dir/in/3.ppm" -k 2 --weights "$dir/moved.safetensors"
says out '^    1   1.0000  3.ppm'
"$tools/make_weights" torchvision/resnet18 2 "$dir/w.safetensors" >"$dir/out" 2>"$dir/err"
refuses 78 'give them by --weights FILE' neighbours "$dir/p" "$dir/in/3.ppm"
mv "$dir/moved.safetensors" "$dir/w.safetensors"
refuses 66 'unsupported' neighbours "$dir/p" "$dir/in/9.ppm"
run neighbours "$dir/p" --truth "$dir/all.csv" -k 50
ok $? 'more neighbours than there are'
[ "$(wc -l <"$dir/out")" = 36 ]
ok $? 'are all there are'

# One row; a store of labels; one that is not complete.
"$tools/put_embeddings" "$dir/one" 1 8 1 1
run neighbours "$dir/one"
ok $? 'a single row'
[ "$(cat "$dir/out")" = 000000000 ]
ok $? 'has no neighbour'
run classify "$dir/set" -o "$dir/l" --weights "$dir/w.safetensors" --quiet \
    --input-shape 64,64 --formats all --max-bad 5
refuses 78 'the store holds labels only' neighbours "$dir/l"
"$tools/put_embeddings" "$dir/half" 90 8 3 1 unfinished
run neighbours "$dir/half" 000000001
ok $? 'a store that is not complete answers for what is there'
says err 'not complete: this is about the 90 rows that it has so far'
"$tools/put_embeddings" "$dir/nan" 90 8 3 1 nan
run neighbours "$dir/nan" 000000001
ok $? 'rows with NaN are left out'
says err '9 rows with NaN or infinity left out, the first is 000000000'
refuses 66 '000000010 is neither a key of .* with an embedding' neighbours "$dir/nan" 000000010
"$tools/put_embeddings" "$dir/equal" 90 8 3 1 equal
run neighbours "$dir/equal" 000000050 -k 2
ok $? 'all rows equal'
[ "$(awk 'NR > 1 { print $3 }' "$dir/out" | tr '\n' ' ')" = '000000000 000000001 ' ]
ok $? 'the first of them are nearest'
tap_done
