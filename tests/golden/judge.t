#!/bin/sh
# reap evaluate and review beside scikit-learn, SciPy and cleanlab, live, where a
# Python has them: REAP_PYTHON_SKLEARN, else REAP_PYTHON, else python3.
REAP=${REAP:-build/reap}
python=${REAP_PYTHON_SKLEARN:-${REAP_PYTHON:-python3}}
if ! "$python" -c 'import sklearn, scipy, cleanlab' 2>/dev/null; then
    echo '1..0 # skip no Python with scikit-learn, SciPy and cleanlab'
    exit
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "Bail out! $1"
    exit 1
}
mkdir "$dir/in"
for i in $(seq 100 259); do
    {
        printf 'P6\n40 36\n255\n'
        head -c $((40 * 36 * 3)) /dev/urandom
    } >"$dir/in/$i.ppm"
done
"$REAP" import "$dir/in" -o "$dir/set" --quiet --all >/dev/null || fail import
"$REAP" classify "$dir/set" -o "$dir/store" --weights none --quiet \
    --model torchvision/resnet18 --input-shape 64,64 --formats all --classes 8 \
    --features avg,logits,probs || fail classify
"$REAP" export "$dir/store" -o "$dir/out.npy" --quiet || fail export
"$REAP" export "$dir/store" -o "$dir/out.csv" --quiet || fail export
for f in avg logits probs; do mv "$dir/out.$f.npy" "$dir/$f.npy"; done
mv "$dir/out.keys.txt" "$dir/keys.txt"
# three of four labels are what it says, every seventh row has none
sed 1d "$dir/out.csv" | awk -F, -v OFS='\t' 'NR % 7 {
    print $1, NR % 4 ? $5 : (NR * 5) % 8 }' >"$dir/truth.tsv"
"$REAP" evaluate "$dir/store" --truth "$dir/truth.tsv" -o "$dir" >/dev/null || fail evaluate
"$REAP" review "$dir/store" --truth "$dir/truth.tsv" -o "$dir/pred_probs.npy" --quiet || fail review
"$REAP" review "$dir/store" --truth "$dir/truth.tsv" -o "$dir/review.csv" --quiet \
    --budget 1000 --neighbours 5 || fail review
"$REAP" predict "$dir/store" --head "knn:$dir/store:7" --truth "$dir/truth.tsv" \
    --features probs -o "$dir/near" --quiet >/dev/null || fail predict
"$REAP" export "$dir/near" -o "$dir/near.npy" --quiet || fail export
exec "$python" "$(dirname "$0")/judge.py" "$dir" 2>/dev/null
