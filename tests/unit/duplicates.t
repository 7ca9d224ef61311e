#!/bin/sh
# reap duplicates and reap outliers, beside the same in awk.
REAP=${REAP:-build/reap}
. tests/lib.sh
tools=${B:-build}/tests/tools
dir=$(mktemp -d) || exit 1
tap_logs="$dir/out $dir/err"
trap 'rm -rf "$dir"' EXIT
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
"$tools/put_embeddings" "$dir/s" 240 12 4 1
ok $? 'a store of 240 made rows'
run export "$dir/s" -o "$dir/v.npy" --quiet
# As text: the label and twelve numbers of each row.
run export "$dir/s" -o "$dir/rows.csv" --quiet
tail -c $((240 * 48)) "$dir/v.npy" | od -A n -v -t f4 -w48 >"$dir/v.txt"
sed 1d "$dir/rows.csv" | cut -d, -f4 | paste -d' ' - "$dir/v.txt" >"$dir/x.txt"
# Groups by one cosine, distances to neighbour 4 and to the class, in double.
cat >"$dir/plain.awk" <<'AWK'
function root(i) { while (up[i] != i) i = up[i]; return i }
{
    n = NR - 1; label[n] = $1; up[n] = n; s = 0
    for (k = 0; k < 12; k++) { x[n, k] = $(k + 2); s += x[n, k] * x[n, k] }
    for (k = 0; k < 12; k++) {
        x[n, k] /= sqrt(s); sum[$1, k] += x[n, k]
    }
    rows[$1]++
}
END {
    n = NR
    for (i = 0; i < n; i++) for (j = 0; j < i; j++) {
        c = 0
        for (k = 0; k < 12; k++) c += x[i, k] * x[j, k]
        cosine[i, j] = cosine[j, i] = c
        if (c >= least) {
            a = root(i); b = root(j)
            if (a < b) up[b] = a; else up[a] = b
        }
    }
    for (i = 0; i < n; i++) size[root(i)]++
    for (i = 0; i < n; i++) {
        if (size[root(i)] > 1) printf "%09d %09d\n", i, root(i) >groups
        for (r = 0; r < 4; r++) best[r] = -2
        for (j = 0; j < n; j++) if (j != i) {
            c = cosine[i, j]
            for (r = 0; r < 4; r++) if (c > best[r]) {
                t = best[r]; best[r] = c; c = t
            }
        }
        dot = rest = 0
        for (k = 0; k < 12; k++) {
            o = sum[label[i], k] - x[i, k]
            dot += o * x[i, k]; rest += o * o
        }
        printf "%09d %.4f %.4f\n", i, 1 - best[3], 1 - dot / sqrt(rest) >far
    }
}
AWK
# A cosine at which most lists of the graph are full, and there are groups.
for least in 0.93 0.8 0.6; do
    awk -v least=$least -v groups="$dir/groups" -v far="$dir/far" \
        -f "$dir/plain.awk" "$dir/x.txt"
    run duplicates "$dir/s" --cosine $least -o "$dir/d.csv"
    ok $? "near duplicates by a cosine of $least"
    sed 1d "$dir/d.csv" | awk -F, '!($1 in first) { first[$1] = $2 }
        { print $2, first[$1] }' | sort >"$dir/is"
    sort "$dir/groups" | cmp - "$dir/is"
    ok $? "$(cut -d' ' -f2 "$dir/is" | sort -u | wc -l) groups, as in awk"
done
run outliers "$dir/s" -k 4 -o "$dir/o.csv"
ok $? 'outliers'
sed 1d "$dir/o.csv" | awk -F, '{ printf "%s %.4f %.4f\n", $1, $3, $4 }' | sort |
    paste -d' ' - "$dir/far" | awk '
        function far(a, b) { return a - b > 0.00011 || b - a > 0.00011 }
        $1 != $4 || far($2, $5) || far($3, $6)' >"$dir/out"
[ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/o.csv")" = 241 ]
ok $? 'have the distances of awk'
sed 1d "$dir/o.csv" | cut -d, -f3 | sort -rgc
ok $? 'the farthest first'
cp "$dir/s/neighbours.avg" "$dir/kept"
run outliers "$dir/s" -k 4 -o "$dir/o2.csv" --threads 1 && cmp "$dir/o.csv" "$dir/o2.csv"
ok $? 'from what is kept, by one thread: the same bytes'
rm "$dir/s/neighbours.avg"
run duplicates "$dir/s" --cosine 0.6 -o "$dir/d2.csv" --threads 3 &&
    cmp "$dir/d.csv" "$dir/d2.csv" && cmp "$dir/kept" "$dir/s/neighbours.avg"
ok $? 'three threads give the same duplicates'
run outliers "$dir/s" --top 3 --json
[ "$(wc -l <"$dir/out")" = 3 ]
ok $? 'the first three as JSON'
run outliers "$dir/s" --top 5
[ "$(grep -c '^    [1-5]  ' "$dir/out")" = 10 ]
ok $? 'five of each kind on the screen'
run duplicates "$dir/s" --cosine 0.6 --json -o "$dir/d.jsonl"
says out '"rows":240,"cosine":0.6'
says d.jsonl '^{"group":1,"key":"000000000","label":"c[0-3]","keep":true,'
refuses 64 '--cosine x' duplicates "$dir/s" --cosine x
refuses 64 '--cosine 1.5' duplicates "$dir/s" --cosine 1.5
refuses 64 'one STORE' duplicates
refuses 64 'one STORE' outliers
"$tools/put_embeddings" "$dir/one" 1 8 1 1
refuses 66 'a single row' outliers "$dir/one"
run duplicates "$dir/one"
ok $? 'a single row has no duplicates'
says out '^1 row, 0 groups'
"$tools/put_embeddings" "$dir/equal" 300 8 3 1 equal
run duplicates "$dir/equal" -o "$dir/e.csv"
ok $? 'all rows equal'
says out '^300 rows, 1 group of'

# Images: a larger one is kept, copies are told by their bytes.
mkdir "$dir/in"
split() { # height width: black above, white below
    printf 'P6\n%d %d\n255\n' "$2" "$1"
    head -c $(($1 * $2 * 3 / 2)) /dev/zero
    head -c $(($1 * $2 * 3 / 2)) /dev/zero | tr '\0' '\377'
}
split 40 40 >"$dir/in/a.ppm"
split 80 80 >"$dir/in/b.ppm"
cp "$dir/in/a.ppm" "$dir/in/c.ppm"
cp "$dir/in/a.ppm" "$dir/in/=1+1.ppm"
{
    printf 'P6\n40 40\n255\n'
    seq 100000 | head -c 4800
} >"$dir/in/d.ppm"
run import "$dir/in" -o "$dir/set" --quiet --all &&
    run extract "$dir/set" -o "$dir/p" --weights none --quiet \
        --model torchvision/resnet18 --input-shape 64,64 --formats all
ok $? 'a store of five images'
run duplicates "$dir/p" --cosine 0.99 -o "$dir/p.csv" --features avg --sandbox auto --decode-time 9
ok $? 'their duplicates'
says p.csv '^1,a.ppm,,no,0.99[0-9]*,yes,40,40,'
says p.csv '^1,=1+1.ppm,,no,0.99[0-9]*,no,40,40,'
says p.csv '^1,b.ppm,,yes,1,no,80,80,'
says p.csv '^1,c.ppm,,no,0.99[0-9]*,yes,40,40,'
[ "$(wc -l <"$dir/p.csv")" = 5 ]
ok $? 'and no others'
mv "$dir/set" "$dir/moved"
run duplicates "$dir/p" --cosine 0.99 -o "$dir/p2.csv"
ok $? 'without the dataset'
says err 'the first key of each group is kept'
says p2.csv '^1,=1+1.ppm,,yes,1,no,,,$'
run duplicates "$dir/p" --cosine 0.99 --dataset "$dir/moved" -o "$dir/p3.csv" &&
    cmp "$dir/p.csv" "$dir/p3.csv"
ok $? 'the dataset where it is now'
run duplicates "$dir/p" --cosine 0.99 --csv-safe -o "$dir/safe.csv"
says safe.csv "^1,.*'=1+1.ppm"
run duplicates "$dir/p" --cosine 0.99
says out '^  keep  1.0000             =1+1.ppm'
tap_done
