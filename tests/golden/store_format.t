#!/bin/sh
# Stores and indexes are as docs/design.md says: a reader made from that page
# alone finds the rows that reap exports. Needs a Python with lmdb and numpy.
. tests/lib.sh
python=${REAP_PYTHON:-python3}
"$python" -c 'import lmdb, numpy' 2>/dev/null || {
    skip 'stores as the design says' 'no Python with lmdb and numpy: set REAP_PYTHON'
    tap_done
}
REAP=${REAP:-build/reap}
tools=${B:-build}/tests/tools
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export REAP_CACHE="$tmp/cache" tap_logs="$tmp/log"
run() { # reap's arguments
    "$REAP" "$@" --quiet >"$tmp/log" 2>&1
    ok $? "reap $1"
}
mkdir -p "$tmp/photos/a" "$tmp/photos/b"
"$tools/draw_pictures" "$tmp/photos/a" p 25 0 1
"$tools/draw_pictures" "$tmp/photos/b" q 14 1 1
head -c 5000 "$tmp/photos/a/p-003.png" >"$tmp/photos/a/cut.png"
run import "$tmp/photos" -o "$tmp/set"
run classify "$tmp/set" -o "$tmp/store" -w none --model torchvision/resnet18 \
    --features avg,layer3,probs --label-from folder
run export "$tmp/store" -o "$tmp/out.npy"
"$python" tests/golden/read_store.py "$tmp/store" "$tmp/set" "$tmp/out" >"$tmp/log" 2>&1
ok $? "float32 and best classes: $(tail -1 "$tmp/log")"
run extract "$tmp/set" -o "$tmp/half" -w none --model torchvision/resnet18 \
    --features avg,max --store-as f16
run export "$tmp/half" -o "$tmp/half.npy"
"$python" tests/golden/read_store.py "$tmp/half" "$tmp/set" "$tmp/half" >"$tmp/log" 2>&1
ok $? "float16: $(tail -1 "$tmp/log")"
tap_done
