# tests/mpi/help.sh - what the tests with several ranks share; sourced
# A dataset of the shared photos, a small network with seeded weights, and the
# processes of a session without procps.
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
[ -n "$REAP_SHARED" ] || skip_all 'REAP_SHARED names no shared data'
command -v mpirun >/dev/null || skip_all 'there is no mpirun'
dir=$(mktemp -d "${TMPDIR:-/tmp}/reap-mpi-XXXXXX") || exit 1
tap_logs="$dir/log"
trap 'rm -rf "$dir"' EXIT
"$REAP" import "$REAP_SHARED/photos" -o "$dir/set" --quiet >"$dir/log" 2>&1 ||
    skip_all 'the photos cannot be imported'
net='--model torchvision/resnet18 --weights none --seed 1 --input-shape 32,32'

# Run a command; its output goes to the log, its status to $rc.
quiet() {
    timeout 120 "$@" >"$dir/log" 2>&1
    rc=$?
}
# Export a store as NPY and CSV, and print one sum of both.
digest() { # store
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
