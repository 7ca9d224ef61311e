#!/bin/sh
# usage: make.sh DIR - make the sample again, with virtual environments under DIR
# Images that are kept stay as they are; make_images.py writes them anew.
set -eu
[ $# = 1 ] || {
    sed -n '2,3s/^# //p' "$0" >&2
    exit 64
}
venvs=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
environment() { # NAME PACKAGE...
    name=$1
    shift
    [ -x "$venvs/$name/bin/pip" ] || python3 -m venv "$venvs/$name"
    "$venvs/$name/bin/pip" install --quiet numpy==2.4.6 pillow==13.0.0 "$@"
}
environment torch torch==2.14.1 torchvision==0.29.1
environment keras tensorflow-cpu==2.21.0 keras==3.15.1
export TF_CPP_MIN_LOG_LEVEL=3
"$venvs/torch/bin/python" -B make_pixels.py pillow
"$venvs/torch/bin/python" -B make_pixels.py torchvision
"$venvs/keras/bin/python" -B make_pixels.py keras
"$venvs/torch/bin/python" -B make_networks.py torchvision
"$venvs/keras/bin/python" -B make_networks.py keras
"$venvs/keras/bin/python" -B make_heads.py
