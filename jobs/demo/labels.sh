#!/bin/sh
# labels.sh OUT - true labels for the demo: truth.tsv, and its parts train.tsv
# and rest.tsv
#
# The label of a photograph is its first folder below stamps/ ("animals"); those
# of folders with fewer than five are left out. Every third of a label is kept
# from fitting.
set -eu
export LC_ALL=C
out=$1
awk -F/ -v OFS='\t' '
    { for (i = 1; i < NF; i++)
          if ($i == "stamps") { label[NR] = $(i + 1); n[$(i + 1)]++ }
      key[NR] = $0 }
    END { for (i = 1; i <= NR; i++)
              if (n[label[i]] >= 5) print key[i], label[i] }' \
    "$out/embeddings.keys.txt" >"$out/truth.tsv"
: >"$out/train.tsv"
: >"$out/rest.tsv"
awk -F'\t' -v out="$out" '
    { print >(out (seen[$2]++ % 3 == 2 ? "/rest.tsv" : "/train.tsv")) }' "$out/truth.tsv"
cut -f2 "$out/truth.tsv" | sort | uniq -c |
    awk 'BEGIN { print "labels, the first folder below stamps/:" }
         { printf "%s%s %d", (NR > 1 ? ", " : "    "), $2, $1 }
         END { print "" }'
