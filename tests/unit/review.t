#!/bin/sh
# reap review: rows that were made strange on purpose are listed, with the reason.
REAP=${REAP:-build/reap} 
. tests/lib.sh
says() { # file, pattern
    grep -q -- "$2" "$dir/$1"
    ok $? "$1 says $2"
}
refuses() { # exit status, pattern, arguments
    want=$1 pattern=$2
    shift 2
    "$REAP" review "$@" >"$dir/out" 2>"$dir/err"
    [ $? = "$want" ] && grep -q -- "$pattern" "$dir/err"
    ok $? "$want: $(head -1 "$dir/err" | sed "s|$dir/||g")"
}
dir=$(mktemp -d) || exit 1
tap_logs="$dir/out $dir/err"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/in"
# black above, noise below
for i in $(seq 10 49); do
    {
        printf 'P6\n40 36\n255\n'
        head -c $(((i - 10) * 100)) /dev/zero
        head -c $((4320 - (i - 10) * 100)) /dev/urandom
    } >"$dir/in/$i.ppm"
done
cp "$dir/in/10.ppm" "$dir/in/90.ppm"
echo broken >"$dir/in/99.ppm"
"$REAP" import "$dir/in" -o "$dir/set" --quiet --all >"$dir/out" 2>"$dir/err"
small="--weights none --model torchvision/resnet18 --input-shape 64,64
    --formats all --classes 6 --quiet"
# shellcheck disable=SC2086
"$REAP" classify "$dir/set" -o "$dir/full" $small --features avg,probs \
    >"$dir/out" 2>"$dir/err"
ok $? '41 images and one that is none'
# shellcheck disable=SC2086
"$REAP" classify "$dir/set" -o "$dir/top" $small --top 2 >"$dir/out" 2>"$dir/err"
# shellcheck disable=SC2086
"$REAP" extract "$dir/set" -o "$dir/avg" --weights none --quiet \
    --model torchvision/resnet18 --input-shape 64,64 --formats all \
    >"$dir/out" 2>"$dir/err"

# What it says becomes true, but for the copy, and for two without a label.
"$REAP" export "$dir/full" -o "$dir/full.csv" --quiet >/dev/null
sed 1d "$dir/full.csv" | awk -F, -v OFS='\t' '
    $1 ~ /^(20|21|99)/ { next }
    $1 == "90.ppm" { print $1, ($5 + 1) % 6; next }
    { print $1, $5 }' >"$dir/truth.tsv"
review() { "$REAP" review "$dir/full" --truth "$dir/truth.tsv" "$@" >"$dir/out" 2>"$dir/err"; }

review -o "$dir/r.csv" --budget 12
ok $? 'a list of twelve'
[ "$(wc -l <"$dir/r.csv")" = 13 ]
ok $? 'has twelve lines and headings'
says out '^42 rows, 41 with a result, 39 of these with a true label'
says r.csv '^90.ppm,[0-5],[0-5],.*duplicate'
says r.csv ',10.ppm,[0-5],\(1\|0.99999[0-9]*\)$'
says r.csv '^2[01].ppm,,[0-5],'
review -o "$dir/again.csv" --budget 12 --threads 1
cmp "$dir/r.csv" "$dir/again.csv" >>"$dir/err"
ok $? 'one thread gives the same bytes'
review -o "$dir/all.csv"
[ "$(sed 1d "$dir/all.csv" | cut -d, -f1 | sort -u | wc -l)" = 41 ]
ok $? 'a large budget lists each row once'
"$REAP" review "$dir/top" --truth "$dir/truth.tsv" --embeddings "$dir/avg" \
    -o "$dir/apart.csv" >"$dir/out" 2>"$dir/err"
ok $? 'labels and embeddings in stores of their own'
says apart.csv '^90.ppm,[0-5],[0-5],.*duplicate'
says err 'wrong labels are not looked for'
"$REAP" review "$dir/top" --truth "$dir/truth.tsv" -o "$dir/x.csv" >"$dir/out" 2>"$dir/err"
says err 'neighbours and duplicates are not looked for'
"$REAP" review "$dir/full" -o "$dir/x.csv" --json >"$dir/out" 2>"$dir/err"
ok $? 'without any label'
says out '"labelled":0,"unknown":0,"listed":41,"reasons":{"unsure":{"rows":41,"listed":41}}'

# what comes back
sed 's/^90.ppm,[0-5]/90.ppm,corrected/' "$dir/r.csv" >"$dir/back.csv"
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv,$dir/back.csv" \
    >"$dir/out" 2>"$dir/err"
says out ' unknown or ambiguous labels\? (first: corrected)'
sed "s/^90.ppm,[0-5]/90.ppm,$(sed -n 's/^10.ppm\t//p' "$dir/truth.tsv")/" \
    "$dir/r.csv" >"$dir/back.csv"
"$REAP" evaluate "$dir/full" --truth "$dir/truth.tsv,$dir/back.csv" \
    >"$dir/out" 2>"$dir/err"
says out '^accuracy  *1.0000 (39 of 39)'

# other forms
review -o "$dir/tasks.json" --budget 3 --url http://here/
ok $? "Label Studio's tasks"
says tasks.json '"image": "http://here/'
says tasks.json '"from_name": "choice"'
says tasks.json.config.xml '<Choice value="5"/>'
review -o "$dir/labels.json" --to fiftyone --budget 3
ok $? "FiftyOne's labels"
says labels.json '"confidence": 0'
review -o "$dir/p.npy"
ok $? 'arrays for cleanlab'
[ "$(wc -l <"$dir/p.keys.txt")" = 39 ] && [ "$(wc -l <"$dir/p.classes.txt")" = 6 ] &&
    [ "$(wc -c <"$dir/p.labels.npy")" = $((256 + 39 * 8)) ] &&
    [ "$(wc -c <"$dir/p.npy")" = $((256 + 39 * 6 * 4)) ]
ok $? 'of 39 rows and 6 classes'

# neighbours as a head: each row of its own store is its own nearest
"$REAP" predict "$dir/full" --head "knn:$dir/full:1" --truth "$dir/truth.tsv" \
    --features probs -o "$dir/near" >"$dir/out" 2>"$dir/err"
ok $? 'labels by the nearest neighbour'
"$REAP" evaluate "$dir/near" --truth "$dir/truth.tsv" >"$dir/out" 2>"$dir/err"
says out '^rows  *42 in the store, 39 with'
says out '^accuracy  *\(1.0000\|0.9744\)'
"$REAP" predict "$dir/full" --head "knn:$dir/full:7" --truth "$dir/truth.tsv" \
    -o "$dir/near1" --threads 1 --quiet >"$dir/out" 2>"$dir/err"
"$REAP" predict "$dir/full" --head "knn:$dir/full:7" --truth "$dir/truth.tsv" \
    -o "$dir/near3" --threads 3 --quiet >>"$dir/out" 2>>"$dir/err"
for i in 1 3; do "$REAP" export "$dir/near$i" -o "$dir/near$i.csv" --quiet >/dev/null; done
cmp "$dir/near1.csv" "$dir/near3.csv" >>"$dir/err"
ok $? 'any threads give the same labels'
"$REAP" predict "$dir/full" --head "knn:$dir/full:2" --truth "$dir/truth.tsv" \
    -o "$dir/near1" >"$dir/out" 2>"$dir/err"
[ $? = 78 ]
ok $? 'another number of neighbours is another store'
"$REAP" predict "$dir/avg" --head "knn:$dir/full:2" --truth "$dir/truth.tsv" \
    -o "$dir/x" >"$dir/out" 2>"$dir/err"
ok $? 'the embeddings of two stores of one model fit'
"$REAP" extract "$dir/set" -o "$dir/v2" --weights none --quiet --seed 7 \
    --model torchvision/resnet18 --input-shape 64,64 --formats all >"$dir/out" 2>"$dir/err"
"$REAP" predict "$dir/v2" --head "knn:$dir/full:2" --truth "$dir/truth.tsv" \
    -o "$dir/y" >"$dir/out" 2>"$dir/err"
[ $? = 78 ] && grep -q 'other embeddings' "$dir/err"
ok $? 'those of another model do not'
"$REAP" predict "$dir/full" --head "knn:$dir/full:0" -o "$dir/y" >"$dir/out" 2>"$dir/err"
[ $? = 64 ]
ok $? 'no neighbours at all'

refuses 64 'one STORE and -o FILE' "$dir/full"
refuses 64 'try --to csv' "$dir/full" -o "$dir/x.pdf"
refuses 64 'try --to csv' "$dir/full" -o "$dir/x.csv" --to pdf
refuses 64 'at least 1' "$dir/full" -o "$dir/x.csv" --budget 0
refuses 64 '1 to 1000' "$dir/full" -o "$dir/x.csv" --neighbours 0
refuses 64 'a cosine' "$dir/full" -o "$dir/x.csv" --duplicate 2
refuses 64 'are needed' "$dir/top" -o "$dir/x.npy"
refuses 64 'no embeddings' "$dir/full" -o "$dir/x.csv" --truth "$dir/truth.tsv" \
    --embeddings "$dir/top"
refuses 64 'no labels' "$dir/avg" -o "$dir/x.csv"
refuses 66 'nothing' "$dir/full" -o "$dir/x.csv" --embeddings "$dir/nothing" --truth "$dir/truth.tsv"
refuses 73 'nothing/x' "$dir/full" -o "$dir/nothing/x.csv"
tap_done
