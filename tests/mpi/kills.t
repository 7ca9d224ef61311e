#!/bin/sh
# kill -9 of any process of a job at random moments, and the same command run
# again: the export is that of an undisturbed run. REAP_KILLS sets how many,
# REAP_SEED repeats a choice.
. "$(dirname "$0")/help.sh"
seed=${REAP_SEED:-$(date +%s)} kills=${REAP_KILLS:-6}
echo "# REAP_SEED=$seed"
# The next random number below $1.
dice() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    number=$((seed / 65536 % $1))
}
# Kill one process of a session.
strike() { # leader
    # shellcheck disable=SC2046
    set -- $(session "$1")
    [ $# -gt 0 ] || return 0
    dice $#
    shift $number
    kill -9 "$1" 2>/dev/null
}
# Half a second to three and a half.
pause() {
    dice 30
    sleep "$(awk -v n=$number 'BEGIN { print 0.5 + n / 10 }')"
}
rows() { # store
    "$REAP" info "$dir/$1" 2>/dev/null | awk '/^rows:/ { print $2 + 0 }'
}

# shellcheck disable=SC2086
{
    quiet "$REAP" extract "$dir/set" -o "$dir/calm" $net
    ok $rc 'an undisturbed run'
    want=$(digest calm)

    done=0 hung=0 orphans=0 lost=0 before=0
    while [ $done -lt "$kills" ]; do
        setsid mpirun -n 3 "$REAP" extract "$dir/set" -o "$dir/k" $net \
            >"$dir/log" 2>&1 &
        job=$!
        pause
        strike $job
        ended $job 60 || hung=$((hung + 1))
        wait $job
        i=150
        while [ -n "$(session $job)" ] && [ $i -gt 0 ]; do
            i=$((i - 1))
            sleep 0.1
        done
        [ $i -gt 0 ] || orphans=$((orphans + 1))
        now=$(rows k)
        [ "${now:-0}" -ge "$before" ] || lost=$((lost + 1))
        before=${now:-0} done=$((done + 1))
    done
    ok $hung "$kills kills: no job hung"
    ok $orphans 'no process was left 15 s later'
    ok $lost 'no row was lost'
    quiet mpirun -n 3 "$REAP" extract "$dir/set" -o "$dir/k" $net
    ok $rc 'the same command ends the work'
    [ "$(digest k)" = "$want" ]
    ok $? 'with equal bytes'

    "$REAP" extract "$dir/set" -o "$dir/own" $net --ranks 3 >"$dir/log" 2>&1 &
    job=$!
    for i in 1 2 3; do
        pause
        m=$(cat /proc/[0-9]*/stat 2>/dev/null |
            awk -v p=$job '{ q = $1; sub(/.*\) /, ""); if ($2 == p) print q }')
        [ -z "$m" ] || strike "$m"
    done
    ended $job 110
    ok $? '--ranks: three kills, it ends'
    wait $job
    ok $? 'by itself, with 0'
    [ "$(digest own)" = "$want" ]
    ok $? 'and equal bytes'
}
finish
