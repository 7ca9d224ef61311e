# tests/lib.sh - TAP for shell scripts that start at the root of the tree
# shellcheck shell=sh
#
#   . tests/lib.sh
#   ok $? 'what should hold'             the status of what was tried
#   verdict 'what should hold' "$lines"  lines that offend; none is good
#   skip 'what' 'why'                    what cannot be tried here
#   tap_done                             the plan, and the script's own status
#
# 'tap_logs' names files whose last lines tell why a test failed.
n=0 bad=0 tap_logs=
ok() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
        return
    fi
    echo "not ok $n - $2"
    bad=1
    for log in $tap_logs; do
        if [ -s "$log" ]; then tail -5 "$log" | sed 's/^/# /'; fi
    done
}
verdict() {
    [ -z "$2" ]
    ok $? "$1"
    if [ -n "$2" ]; then echo "$2" | head -50 | sed 's/^/# /'; fi
}
skip() {
    n=$((n + 1))
    echo "ok $n # skip $1: $2"
}
tap_done() {
    echo "1..$n"
    exit "$bad"
}
