#!/bin/sh
# What signals and --time-limit do to ranks: they end in order, with 75, and
# the same command goes on.
. "$(dirname "$0")/help.sh"
# shellcheck disable=SC2086
{
    # The input is small: a batch of 1 and many layers make it last.
    slow='--model torchvision/resnet50 --weights none --seed 1 --input-shape 96,96 --threads 1'
    rows() { # store
        "$REAP" info "$dir/$1" 2>/dev/null |
            awk '/^rows:/ { n = $2 } END { print n + 0 }'
    }
    # Start a job in a session, wait until there is a new row, signal, wait.
    stop() { # signal, store, command ...
        signal=$1 store=$2
        shift 2
        had=$(rows "$store")
        setsid "$@" extract "$dir/set" -o "$dir/$store" $slow $more \
            >"$dir/log" 2>&1 &
        job=$!
        i=400
        until [ "$(rows "$store")" -gt "$had" ] || [ $i = 0 ]; do
            i=$((i - 1))
            sleep 0.1
        done
        kill "-$signal" $job
        ended $job 60
        still=$?
        wait $job
        rc=$?
    }
    more=
    stop USR1 a "$REAP"
    [ $still = 0 ] && [ $rc = 75 ]
    ok $? "one process, USR1: 75 ($rc)"
    stop TERM a "$REAP"
    [ $rc = 75 ]
    ok $? "TERM: 75 ($rc)"
    stop INT a "$REAP"
    [ $rc = 75 ]
    ok $? "INT: 75 ($rc)"
    stop USR1 b mpirun -n 2 "$REAP"
    [ $still = 0 ] && [ $rc = 75 ]
    ok $? "mpirun -n 2, USR1: 75 ($rc)"
    i=150
    while [ -n "$(session $job)" ] && [ $i -gt 0 ]; do
        i=$((i - 1))
        sleep 0.1
    done
    [ $i -gt 0 ]
    ok $? 'nobody is left'
    more='--ranks 2'
    stop TERM b "$REAP"
    [ $still = 0 ] && [ $rc = 75 ]
    ok $? "--ranks 2, TERM: 75 ($rc)"
    [ "$(grep -c 'stopped early' "$dir/log")" = 1 ]
    ok $? "which is said once: $(grep -c 'stopped early' "$dir/log")"
    more=
    quiet "$REAP" extract "$dir/set" -o "$dir/c" $slow --time-limit 1
    [ $rc = 75 ]
    ok $? "--time-limit 1: 75 ($rc)"
    quiet "$REAP" info "$dir/b" --complete
    [ $rc = 75 ]
    ok $? "info --complete: 75 ($rc)"
    for s in a b; do
        quiet mpirun -n 2 "$REAP" extract "$dir/set" -o "$dir/$s" $slow
        ok $rc "the same command ends the work of $s"
    done
    [ "$(digest a)" = "$(digest b)" ]
    ok $? 'with equal bytes'
}
finish
