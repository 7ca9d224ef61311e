# tests/mpi/help.sh - what the tests with several ranks share; sourced
# A dataset of 250 images (photographs of REAP_SHARED, else drawn ones), a small
# network with seeded weights, and the processes of a session without procps.
REAP=${REAP:-build/reap}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
. tests/lib.sh
finish() {
    tap_done
}
skip_all() { # reason
    echo "1..0 # skip $1"
    exit 0
}
command -v mpirun >/dev/null || skip_all 'there is no mpirun'
dir=$(mktemp -d "${TMPDIR:-/tmp}/reap-mpi-XXXXXX") || exit 1
tap_logs="$dir/log"
trap 'rm -rf "$dir"' EXIT
photos=${REAP_SHARED:+$REAP_SHARED/photos}
if [ -z "$photos" ]; then # names as the photographs have: 0000_..., 0004_...
    photos=$dir/photos
    mkdir "$photos"
    "${B:-build}/tests/tools/draw_pictures" "$photos" p 250 0 1
    for f in "$photos"/p-*.png; do
        i=${f##*-}
        i=$(echo "${i%.png}" | awk '{ printf "%04d", 4 * $1 }')
        mv "$f" "$photos/${i}_drawn.png"
    done
fi
"$REAP" import "$photos" -o "$dir/set" --quiet >"$dir/log" 2>&1 || {
    ok 1 'the images are imported'
    finish
}
net='--model torchvision/resnet18 --weights none --seed 1 --input-shape 32,32'

# Run a command; its output goes to the log, its status to $rc.
quiet() {
    timeout 120 "$@" >"$dir/log" 2>&1
    rc=$?
}
# Export a store as NPY and CSV, and print one sum of both.
digest() { # store
    rm -f "$dir"/x.*
    "$REAP" export "$dir/$1" -o "$dir/x.npy" >>"$dir/log" 2>&1 &&
        "$REAP" export "$dir/$1" -o "$dir/x.csv" >>"$dir/log" 2>&1 &&
        cat "$dir/x.npy" "$dir/x.keys.txt" "$dir/x.csv" | sha256sum
}
# Processes of a session, one a line.
session() { # its leader
    cat /proc/[0-9]*/stat 2>/dev/null |
        awk -v s="$1" '{ p = $1; sub(/.*\) /, ""); if ($4 == s) print p }'
}
# Wait until a process has ended, at most some seconds.
ended() { # process, seconds
    i=$(($2 * 10))
    while kill -0 "$1" 2>/dev/null; do
        i=$((i - 1))
        [ $i -gt 0 ] || return 1
        sleep 0.1
    done
}
