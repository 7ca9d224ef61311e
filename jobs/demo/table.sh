#!/bin/sh
# table.sh OUT HEAD ABOUT - show twelve rows of what the demo made
#
# HEAD is yes where labels.csv exists. Nearest neighbours are those of the
# largest cosine among the rows of embeddings.npy, which have length 1.
set -eu
here=$(dirname "$0")
out=$1 head=$2 about=$3
npy=$out/embeddings.npy

header=$(($(od -An -tu2 -j8 -N2 "$npy") + 10))
width=$(head -c "$header" "$npy" | tr -d '\0' | sed -n 's/.*, *\([0-9]*\)).*/\1/p')
tail -c +$((header + 1)) "$npy" | od -An -v -tf4 -w$((4 * width)) |
    awk -f "$here/neighbours.awk" "$out/embeddings.keys.txt" - >"$out/neighbours.tsv"

# A CSV line's fields behind the key, as: names and probabilities of three.
labels() {
    [ "$head" = yes ] || return 0
    sed 1d "$out/labels.csv" | awk -F, -v OFS='\t' \
        '{ printf "%s\t%s %.2f, %s %.2f, %s %.2f\n",
           $1, $7, $8, $11, $12, $15, $16 }'
}
right() { # how many first labels are those of photos.tsv
    sed 1d "$out/labels.csv" | awk -F'[,\t]' '
        NR == FNR { n = split($1, p, "/"); want[p[n]] = $2; next }
        { n = split($1, p, "/"); right += want[p[n]] == $5 }
        END { print right " of " FNR }' "$here/photos.tsv" -
}
echo
labels >"$out/top3.tsv"
awk -F'\t' -v head="$head" '
    function short(key) { sub(/.*\//, "", key); sub(/\.png$/, "", key)
                          return substr(key, 1, 18) }
    FILENAME ~ /top3/ { top[$1] = $2; next }
    head == "yes" && !said++ {
        printf "%-18s %-40s %s\n", "photograph", "top 3", "nearest photograph" }
    head != "yes" && !said++ {
        printf "%-18s %-30s %s\n", "photograph", "nearest photograph", "cosine" }
    FNR % 9 != 1 { next }
    head == "yes" { printf "%-18s %-40s %s\n", short($1), substr(top[$1], 1, 40), short($3); next }
    { printf "%-18s %-30s %s\n", short($1), short($3), $2 }' \
    "$out/top3.tsv" "$out/neighbours.tsv"
echo
[ "$head" != yes ] || echo "first label as the package names it: $(right)"
case $about in
*random*)
    echo 'The weights are random numbers: these neighbours mean nothing. With a weights'
    echo 'file, REAP_WEIGHTS=FILE make demo shows real ones.' ;;
esac
echo "all rows: $out/neighbours.tsv; vectors: $npy ($width numbers each)"
[ "$head" != yes ] || echo "labels: $out/labels.csv"
echo "dataset: $out/set; stores: $out/embeddings$([ "$head" != yes ] || echo ", $out/labels")"
