#!/bin/sh
# reap cluster: what it says of made rows, and to what it refuses to answer.
REAP=${REAP:-build/reap}
. tests/lib.sh
tools=${B:-build}/tests/tools
dir=$(mktemp -d) || exit 1
tap_logs="$dir/out $dir/err"
trap 'rm -rf "$dir"' EXIT
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
"$tools/put_embeddings" "$dir/s" 600 32 4 1
run cluster "$dir/s" -k 4 -o "$dir/c.csv"
ok $? 'four clusters of 600 rows'
says out '^600 rows, 4 clusters, mean cosine'
[ "$(awk '/^ *[1-4] / { n += $2 } END { print n }' "$dir/out")" = 600 ]
ok $? 'their sizes are those of all rows'
# Purity, sizes and medoids again, from the file.
sed 1d "$dir/c.csv" | awk -F, '
    { n[$3]++; l[$3, $2]++; if (l[$3, $2] > most[$3]) most[$3] = l[$3, $2] }
    $4 > best[$3] { best[$3] = $4; medoid[$3] = $1 }
    $5 == "yes" { said[$3] = $1; yes++ }
    END { for (c in n) { sum += most[c]; odd += (medoid[c] != said[c]) }
        printf "%.4f %d %d %d\n", sum / NR, yes, odd, (n[1] >= n[4]) }' >"$dir/is"
[ "$(cat "$dir/is")" = "$(sed -n 's/^purity \([0-9.]*\):.*/\1/p' "$dir/out") 4 0 1" ]
ok $? "purity and medoids follow from the rows: $(cat "$dir/is")"
run cluster "$dir/s" -k 4 -o "$dir/one.csv" --threads 1 && cmp "$dir/c.csv" "$dir/one.csv"
ok $? 'one thread gives the same bytes'
run cluster "$dir/s" -k 4 -o "$dir/c.jsonl" --seed 5 --json
says out '"converged":true,"clusters":\[{"cluster":1,"rows":'
says c.jsonl '^{"key":"000000000","label":"c[0-3]","cluster":[1-4],"cosine":0.[0-9]*,"medoid":'
run cluster "$dir/s" -k auto
ok $? 'as many as fit'
sed 1d "$dir/c.csv" | awk -F, -v OFS='\t' '{ print $1, "k" $3 }' >"$dir/truth.tsv"
run cluster "$dir/s" -k 4 --truth "$dir/truth.tsv"
says out '^purity 1.0000'
refuses 64 'a whole number from 1 to' cluster "$dir/s" -k many
refuses 64 'one STORE' cluster
run cluster "$dir/s" -k 1
says out '^600 rows, 1 cluster,'
"$tools/put_embeddings" "$dir/equal" 50 8 3 1 equal
run cluster "$dir/equal"
ok $? 'all rows equal'
"$tools/put_embeddings" "$dir/one" 1 8 1 1
run cluster "$dir/one" -k 3
ok $? 'a single row'
says err 'there is only 1 row'
tap_done
