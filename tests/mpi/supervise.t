#!/bin/sh
# What a supervisor (--ranks) does where ranks do not start, fall silent, or
# hosts are gone: no wait is for ever, and the reason is told.
. "$(dirname "$0")/help.sh"
mkdir "$dir/bin"
# Seconds that the command after them takes; its status to $rc.
timed() {
    began=$(date +%s)
    timeout 200 "$@" >"$dir/log" 2>&1
    rc=$?
    took=$(($(date +%s) - began))
}
# shellcheck disable=SC2086
{
    # An mpirun that starts nothing and hears nothing.
    printf '#!/bin/sh\n[ "$1" = --version ] && exec %s --version\ntrap "" USR1\nwhile :; do sleep 0.2; done\n' \
        "$(command -v mpirun)" >"$dir/bin/mpirun"
    chmod +x "$dir/bin/mpirun"
    PATH="$dir/bin:$PATH" timed "$REAP" extract "$dir/set" -o "$dir/s1" $net --ranks 2 --time-limit 3
    [ $rc = 75 ] && [ $took -lt 40 ]
    ok $? "--time-limit is kept where no rank starts ($rc, $took s)"
    PATH="$dir/bin:$PATH" setsid "$REAP" extract "$dir/set" -o "$dir/s1" $net --ranks 2 >"$dir/log" 2>&1 &
    job=$!
    sleep 2
    kill -TERM $job
    ended $job 30
    still=$?
    wait $job
    rc=$?
    [ $still = 0 ] && [ $rc = 75 ]
    ok $? "SIGTERM ends it where no rank starts ($rc)"
    ! ls "$dir" | grep -q 's1\.ranks-'
    ok $? 'no file is left beside the store'

    # Too few descriptors: named.
    (ulimit -n 24 && timed "$REAP" extract "$dir/set" -o "$dir/s2" $net --ranks 2
        [ $took -lt 190 ] && [ $rc != 0 ] && grep -q 'ulimit -n' "$dir/log")
    ok $? 'too few descriptors are named'

    # Files of supervisors that were killed go at the next start.
    : >"$dir/s4.ranks-999999"
    touch -d '10 minutes ago' "$dir/s4.ranks-999999"
    echo mine >"$dir/s4.ranks-mine"
    quiet "$REAP" extract "$dir/set" -o "$dir/s4" $net --ranks 2 --limit 8
    [ ! -e "$dir/s4.ranks-999999" ] && [ -e "$dir/s4.ranks-mine" ]
    ok $? 'what a killed supervisor left is removed, and nothing else'

    # A drain that reaches the ranks and not the supervisor stays a drain.
    setsid "$REAP" extract "$dir/set" -o "$dir/s5" --model torchvision/resnet50 --weights none \
        --seed 1 --input-shape 96,96 --threads 1 --ranks 2 >"$dir/log" 2>&1 &
    job=$!
    i=200
    until [ "$("$REAP" info "$dir/s5" 2>/dev/null | awk '/^rows:/ { n = $2 } END { print n + 0 }')" -gt 0 ] || [ $i = 0 ]; do
        i=$((i - 1))
        sleep 0.1
    done
    for p in /proc/[0-9]*; do
        if cat "$p/environ" 2>/dev/null | tr "\0" "\n" | grep -qx "REAP_RANK_MARKS=$dir/s5.ranks-$job" &&
            cat "$p/environ" 2>/dev/null | tr "\0" "\n" | grep -q 'OMPI_COMM_WORLD_RANK='; then
            kill -USR1 "${p#/proc/}"
        fi
    done
    ended $job 60
    wait $job
    rc=$?
    [ $rc = 75 ]
    ok $? "a drain of the ranks is not undone by another start ($rc)"

    # Hosts that do not answer are left out at the second start.
    printf '#!/bin/sh\n[ "$1" = gone ] && exit 255\nshift\nexec sh -c "$*"\n' >"$dir/bin/agent"
    chmod +x "$dir/bin/agent"
    rm "$dir/bin/mpirun"
    printf 'localhost slots=2\ngone slots=2\n' >"$dir/hosts"
    OMPI_MCA_plm_rsh_agent="$dir/bin/agent" timed "$REAP" extract "$dir/set" -o "$dir/s6" $net --ranks 4 --hostfile "$dir/hosts"
    [ $rc = 0 ] && grep -q 'without gone, which does not answer' "$dir/log"
    ok $? "a host that is gone is left out, and told ($rc, $took s)"
}
finish
