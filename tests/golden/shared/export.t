#!/bin/sh
# Tuned models go back: Keras and torchvision load what reap weights --to
# writes, and give the same probabilities within 1e-5.
REAP=${REAP:-build/reap} 
. tests/lib.sh
here=$(dirname "$0")
dir=$(mktemp -d) || exit 1
tap_logs="$dir/log"
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

python_with() { # modules: the first interpreter that has them
    for p in "$REAP_PYTHON" "$REAP_PYTHON_TORCH" "$REAP_PYTHON_KERAS" python3; do
        [ -n "$p" ] && "$p" -c "import $1" 2>/dev/null && echo "$p" && return
    done
    return 1
}
run() { # the last words of what it says are kept
    "$@" >"$dir/log" 2>&1
}

# Fit, tune, convert, load: framework, modules, weights, layer, preset, ending.
round() {
    who=$1 weights=$3 layer=$4 preset=$5 file=$dir/back.$6
    size='--input-shape 96,96'
    rm -rf "$dir/store" "$dir/probs"
    # shellcheck disable=SC2086
    run "$REAP" extract "$dir/set" -o "$dir/store" --weights "$weights" $size \
        --preset "$preset" --limit 40 &&
        run "$REAP" fit "$dir/store" --truth "$dir/truth" -o "$dir/head" \
            --arch mlp:24 --epochs 2 &&
        run "$REAP" tune "$dir/set" --truth "$dir/truth" -o "$dir/model" \
            --weights "$weights" $size --preset "$preset" --limit 40 \
            --head "$dir/head" --unfreeze "$layer" --epochs 1 --lr 1e-4
    ok $? "$who: $layer is tuned"
    run "$REAP" weights "$dir/model" --to "$who" -o "$file"
    ok $? "$who: converted"
    # shellcheck disable=SC2086
    run "$REAP" extract "$dir/set" -o "$dir/probs" --weights "$dir/model" $size \
        --preset "$preset" --features probs --limit 4 &&
        run "$REAP" export "$dir/probs" -o "$dir/probs.npy"
    ok $? "$who: probabilities of the tuned model"
    python=$(python_with "$2") || {
        skip "$who" "no Python with $2 (REAP_PYTHON)"
        return
    }
    pixels=
    for key in $(cat "$dir/probs.keys.txt"); do
        # shellcheck disable=SC2086
        run "$REAP" show "$dir/set" "$key" --preset "$preset" $size \
            --pixels "$dir/$key.npy"
        pixels="$pixels $dir/$key.npy"
    done
    # shellcheck disable=SC2086
    told=$("$python" -B "$here/framework_probs.py" "$who" "$file" 4 24 \
        "$dir/probs.npy" $pixels 2>"$dir/log")
    ok $? "$who loads it: probabilities are off by ${told:-nothing it could tell}"
}

if [ ! -d "$REAP_SHARED" ]; then
    echo '1..0 # SKIP REAP_SHARED names no folder of references'
    exit 0
fi
np=$(python_with numpy,safetensors) || {
    echo '1..0 # SKIP no Python with numpy and safetensors (REAP_PYTHON)'
    exit 0
}
run "$REAP" import "$REAP_SHARED/photos" -o "$dir/set" -q
ls "$REAP_SHARED/photos" | awk '/^[0-9][0-9][0-9][0-9]_/ {
    printf "%s\tclass%d\n", $0, NR % 4 }' >"$dir/truth"

round torch torch,torchvision,safetensors \
    "$REAP_SHARED/weights/resnet50_pqf.safetensors" layer4 torchvision-v1 \
    safetensors
run "$REAP" weights "$dir/model" --to keras -o "$dir/no.weights.h5"
[ $? = 64 ]
ok $? 'torchvision to Keras is refused: 64'
if run "$np" -B "$REAP_SHARED/golden/topologies/make_weights.py" keras_resnet50 \
    --format safetensors --out "$dir/keras"; then
    round keras keras "$dir/keras" conv5_block3 keras-caffe weights.h5
    run "$REAP" weights "$dir/back.weights.h5" -o "$dir/again"
    ok $? 'and reap reads it again'
    run "$REAP" weights "$dir/model" --to torch -o "$dir/no.safetensors"
    [ $? = 64 ]
    ok $? 'Keras to torchvision is refused: 64'
else
    skip keras "$(tail -1 "$dir/log")"
fi
tap_done
