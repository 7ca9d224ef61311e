#!/bin/sh
# table.sh OUT HEAD ABOUT - show twelve rows of what the demo made
#
# HEAD is yes where labels.csv exists. Nearest neighbours are those of the
# largest cosine among the rows of embeddings.npy, which have length 1.
set -eu
export LC_ALL=C # bytes, points in numbers
here=$(dirname "$0")
out=$1 head=$2 about=$3
npy=$out/embeddings.npy

header=$(($(od -An -tu2 -j8 -N2 "$npy") + 10))
width=$(head -c "$header" "$npy" | tr -d '\0' | sed -n 's/.*, *\([0-9]*\)).*/\1/p')
tail -c +$((header + 1)) "$npy" | od -An -v -tf4 -w$((4 * width)) |
    awk -f "$here/neighbours.awk" "$out/embeddings.keys.txt" - >"$out/neighbours.tsv"

# key,status,reason,true_label,rank1_index,rank1_wnid,rank1_name,rank1_prob,...
labels() {
    [ "$head" = yes ] || return 0
    sed 1d "$out/labels.csv" | awk -F, -v OFS='\t' '{
        top = sprintf("%.2f %s, %s, %s", $8, $7, $11, $15)
        while (length(top) > 40) sub(/,[^,]*$/, "", top)
        print $1, top }'
}
right() { # how many first labels are the class that the photograph shows
    sed 1d "$out/labels.csv" |
        awk -F, '{ right += $4 == $5 } END { print right " of " NR }'
}
echo
labels >"$out/top3.tsv"
awk -F'\t' -v head="$head" '
    function short(key) { sub(/.*\//, "", key); sub(/\.png$/, "", key)
                          return substr(key, 1, 18) }
    FILENAME ~ /top3/ { top[$1] = $2; next }
    head == "yes" && !said++ {
        printf "%-18s %-40s %s\n", "photograph", "classes, the first with its probability", "nearest photograph" }
    head != "yes" && !said++ {
        printf "%-18s %-30s %s\n", "photograph", "nearest photograph", "cosine" }
    FNR % 9 != 1 { next }
    head == "yes" { printf "%-18s %-40s %s\n", short($1), top[$1], short($3); next }
    { printf "%-18s %-30s %s\n", short($1), short($3), $2 }' \
    "$out/top3.tsv" "$out/neighbours.tsv"
echo
[ "$head" != yes ] || echo "first label is what the photograph shows: $(right)"
case $about in
*random*)
    echo 'The weights are random numbers: these neighbours mean nothing. With a weights'
    echo 'file, REAP_WEIGHTS=FILE make demo shows real ones.' ;;
esac
echo "vectors: $npy ($width numbers each)"
echo "neighbours of all: $out/neighbours.tsv"
[ "$head" != yes ] || echo "labels of all: $out/labels.csv"
echo "dataset: $out/set; stores: $out/embeddings$([ "$head" != yes ] || echo ", $out/labels")"
