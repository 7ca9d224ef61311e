#!/bin/sh
# A first rank that is stopped, and neither ends nor answers, is replaced.
. tests/mpi/help.sh
# shellcheck disable=SC2086
{
    # A first rank that is stopped is replaced.
    setsid "$REAP" extract "$dir/set" -o "$dir/s3" --model torchvision/resnet152 --weights none \
        --seed 1 --input-shape 160,160 --threads 1 --ranks 2 >"$dir/log" 2>&1 &
    job=$!
    i=200
    first=
    while [ -z "$first" ] && [ $i -gt 0 ]; do
        i=$((i - 1))
        sleep 0.1
        rows=$("$REAP" info "$dir/s3" 2>/dev/null | awk '/^rows:/ { print $2 + 0 }')
        [ "${rows:-0}" -gt 0 ] || continue
        for p in /proc/[0-9]*; do
            cat "$p/environ" 2>/dev/null | tr "\0" "\n" | grep -qx "REAP_RANK_MARKS=$dir/s3.ranks-$job" &&
                cat "$p/environ" 2>/dev/null | tr "\0" "\n" | grep -qx 'OMPI_COMM_WORLD_RANK=0' &&
                first=${p#/proc/}
        done
    done
    [ -n "$first" ] && kill -STOP "$first"
    ok $? 'the first rank is stopped in its work'
    ended $job 240
    still=$?
    [ $still = 0 ] || kill -9 $job "$first"
    wait $job
    rc=$?
    [ $still = 0 ] && [ $rc = 0 ]
    ok $? "a minute later another takes its place, and the store is complete ($rc)"
}
finish
