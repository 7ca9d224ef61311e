# Nearest neighbours by cosine: rows of unit length, a line each, after a file
# with their keys. Prints key, cosine, nearest key for each row.
#   awk -f neighbours.awk keys.txt rows.txt
NR == FNR { key[NR] = $0; next }
{
    for (k = 1; k <= NF; k++)
        v[k] = $k
    for (j = 1; j <= n; j++) {
        sum = 0
        at = (j - 1) * NF
        for (k = 1; k <= NF; k++)
            sum += v[k] * x[at + k]
        if (sum > best[FNR]) { best[FNR] = sum; who[FNR] = j }
        if (sum > best[j]) { best[j] = sum; who[j] = FNR }
    }
    for (k = 1; k <= NF; k++)
        x[n * NF + k] = v[k]
    n = FNR
}
END { for (i = 1; i <= n; i++) printf "%s\t%.3f\t%s\n", key[i], best[i], key[who[i]] }
