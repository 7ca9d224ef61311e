#!/bin/sh
# Each format gives the same tensors, bit for bit, as safetensors does. The
# files are made by golden/topologies/make_weights.py with what is installed:
# REAP_PYTHON, REAP_PYTHON_TORCH and REAP_PYTHON_KERAS, else python3.
REAP=${REAP:-build/reap} n=0 bad=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

result() { # ok or "not ok", text
    n=$((n + 1))
    [ "$1" = ok ] || bad=1
    echo "$1 $n - $2"
}
skip() { # what, why
    n=$((n + 1))
    echo "ok $n # skip $1: $2"
}
python_with() { # modules: the first interpreter that has them
    for p in "$REAP_PYTHON" "$REAP_PYTHON_TORCH" "$REAP_PYTHON_KERAS" python3; do
        [ -n "$p" ] && "$p" -c "import $1" 2>/dev/null && echo "$p" && return
    done
    return 1
}
make_weights() { # python, model, format, file
    TF_CPP_MIN_LOG_LEVEL=3 "$1" -B \
        "$REAP_SHARED/golden/topologies/make_weights.py" \
        "$2" --format "$3" --out "$4" >"$dir/log" 2>&1
}
compare() { # model, format, modules that make it, format that reap tells
    file=$dir/w.$2
    p=$(python_with "$3") || {
        skip "$1 as $2" "no Python with $3"
        return
    }
    if ! make_weights "$p" "$1" "$2" "$file"; then
        skip "$1 as $2" "$(tail -1 "$dir/log")"
    elif ! "$REAP" weights "$file" -o "$dir/back" --json >"$dir/told" 2>"$dir/log"; then
        result 'not ok' "$1 as $2: $(cat "$dir/log")"
    elif ! grep -q "\"format\": \"$4\"" "$dir/told"; then
        result 'not ok' "$1 as $2: $(grep format "$dir/told")"
    elif told=$("$np" "$(dirname "$0")/same_tensors.py" "$dir/plain" "$dir/back"); then
        result ok "$1 as $2: $told"
    else
        result 'not ok' "$1 as $2: $told"
    fi
    rm -f "$file" "$dir/back"
}
plain() { # model: what the others are compared with
    make_weights "$np" "$1" safetensors "$dir/plain" || {
        echo "1..0 # SKIP $1: $(tail -1 "$dir/log")"
        exit 0
    }
}

if [ ! -d "$REAP_SHARED" ]; then
    echo '1..0 # SKIP REAP_SHARED names no folder of references'
    exit 0
fi
np=$(python_with numpy,safetensors) || {
    echo '1..0 # SKIP no Python with numpy and safetensors (REAP_PYTHON)'
    exit 0
}
plain resnet18
compare resnet18 safetensors numpy,safetensors safetensors
compare resnet18 pth numpy,torch pth
compare resnet18 pth-legacy numpy,torch pth-legacy
plain keras_resnet50
compare keras_resnet50 h5-weights numpy,h5py h5
plain keras_resnet50v2
compare keras_resnet50v2 weights.h5 numpy,keras weights.h5
plain keras_resnet50_nested
for format in weights.h5 h5 keras; do
    compare keras_resnet50_nested $format numpy,keras $format
done
echo "1..$n"
exit $bad
