#!/bin/sh
# Ranks that can do different arithmetic compute in what all can do; a resume
# keeps what the store has; who cannot do that is sent away by name.
. "$(dirname "$0")/help.sh"
unset REAP_CPU
has() { grep -qw "$1" /proc/cpuinfo; }
class() { # store
    "$REAP" info "$dir/$1" 2>/dev/null | sed -n 's/^ *arithmetic (--precision) //p'
}
skip() { # how many, reason
    i=$1
    while [ "$i" -gt 0 ]; do
        n=$((n + 1)) i=$((i - 1))
        echo "ok $n # skip $2"
    done
}
# A job of one rank at each of two levels.
two() { # store, level, level, more options
    store=$1 a=$2 b=$3
    shift 3
    quiet mpirun -n 1 env REAP_CPU="$a" "$REAP" extract "$dir/set" \
        -o "$dir/$store" $net --threads 1 "$@" : \
        -n 1 env REAP_CPU="$b" "$REAP" extract "$dir/set" \
        -o "$dir/$store" $net --threads 1 "$@"
}
# shellcheck disable=SC2086
{
    has avx2 || skip_all 'this CPU has one level only'
    quiet env REAP_CPU=blas "$REAP" extract "$dir/set" -o "$dir/blas" $net
    ok $rc "alone: $(class blas)"
    two down avx2 blas
    [ $rc = 0 ] && [ "$(class down)" = "$(class blas)" ]
    ok $? "avx2 and blas: both compute in $(class down)"
    [ "$(digest down)" = "$(digest blas)" ]
    ok $? 'with equal bytes'
    grep -q 'sent away' "$dir/log"
    [ $? = 1 ]
    ok $? 'and nobody is sent away'
    two up blas avx2
    [ $rc = 0 ] && [ "$(digest up)" = "$(digest blas)" ]
    ok $? 'whichever is the first rank'

    quiet env REAP_CPU=blas "$REAP" extract "$dir/set" -o "$dir/part" $net \
        --limit 60
    quiet "$REAP" extract "$dir/set" -o "$dir/part" $net
    [ $rc = 0 ] && [ "$(digest part)" = "$(digest blas)" ]
    ok $? "a resume keeps $(class part)"
    quiet "$REAP" verify "$dir/part" --sample 20
    ok $rc 'and so does verify --sample'
    quiet env REAP_CPU=avx2 "$REAP" extract "$dir/set" -o "$dir/fp32" $net \
        --limit 60
    two fp32 avx2 blas
    [ $rc = 0 ] && [ "$(class fp32)" = fp32 ] &&
        grep -q 'rank 1 on .* was sent away: it has arithmetic (--precision) fp32-blas' "$dir/log"
    ok $? 'a rank that cannot do what the store has is sent away by name'
    two fp32 blas avx2
    [ $rc = 78 ] && grep -q 'arithmetic (--precision): the store has fp32, this run fp32-blas' "$dir/log"
    ok $? "the first rank ends the run: 78 ($rc)"

    if has avx512_bf16; then
        quiet "$REAP" extract "$dir/set" -o "$dir/auto" $net --precision auto \
            --limit 9
        [ $rc = 0 ] && class auto | grep -q '^bf16'
        ok $? "--precision auto, alone: $(class auto)"
        quiet env REAP_CPU=avx2 "$REAP" extract "$dir/set" -o "$dir/want" $net
        two auto2 bf16 avx2 --precision auto
        [ $rc = 0 ] && [ "$(digest auto2)" = "$(digest want)" ]
        ok $? "with a rank that lacks it: $(class auto2)"
        two bf16 bf16 avx2 --precision bf16 --limit 40
        [ $rc = 0 ] && class bf16 | grep -q '^bf16' &&
            grep -q 'rank 1 on .* was sent away: it has arithmetic (--precision) none' "$dir/log"
        ok $? "a rank that lacks --precision bf16 is sent away by name"
        two no avx2 bf16 --precision bf16
        [ $rc = 64 ] && grep -q 'does not compute it.*choose one of fp32' "$dir/log" &&
            [ ! -e "$dir/no" ]
        ok $? "a first rank that lacks it ends the run: 64 ($rc)"
    else
        skip 4 'this CPU has no bf16'
    fi
    if has amx_bf16; then
        quiet env REAP_CPU=bf16 "$REAP" extract "$dir/set" -o "$dir/want16" \
            $net --precision bf16
        two tiles amx bf16 --precision bf16
        [ $rc = 0 ] && [ "$(class tiles)" = bf16-avx512 ] &&
            [ "$(digest tiles)" = "$(digest want16)" ]
        ok $? "tiles and a rank without them: $(class tiles)"
        quiet "$REAP" extract "$dir/set" -o "$dir/alone16" $net \
            --precision bf16 --limit 9
        [ $rc = 0 ] && [ "$(class alone16)" = bf16-amx ]
        ok $? "tiles alone: $(class alone16)"
    else
        skip 2 'this CPU has no tile registers'
    fi
}
finish
