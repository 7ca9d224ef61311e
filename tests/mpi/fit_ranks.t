#!/bin/sh
# A head has the same bytes from any number of ranks, also after ranks were
# killed; what one rank alone finds wrong is said once.
REAP=${REAP:-build/reap} put=${B:-build}/tests/tools/put_embeddings 
. tests/lib.sh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
if ! command -v mpirun >/dev/null; then
    echo '1..0 # skip there is no mpirun'
    exit 0
fi
dir=$(mktemp -d) || exit 1
tap_logs="$dir/log"
trap 'rm -rf "$dir"' EXIT
"$put" "$dir/store" 500 64 5 1 && "$put" "$dir/other" 50 64 5 1 || exit 1
run() { # ranks, options
    ranks=$1
    shift
    timeout 120 mpirun -n "$ranks" "$REAP" fit "$dir/store" "$@" >"$dir/log" 2>&1
}
kinds='--arch mlp:300 --epochs 5 --validation-split 0.2
--arch mlp:100 --epochs 5 --activation sigmoid --solver sgd --early-stop 2
--epochs 4 --schedule cosine
--solver lbfgs --validation-split 0.2'
echo "$kinds" >"$dir/kinds"
while read -r kind; do
    # shellcheck disable=SC2086
    "$REAP" fit "$dir/store" -q -o "$dir/alone" $kind --threads 1 >"$dir/log" 2>&1
    for ranks in 1 2 4; do
        # shellcheck disable=SC2086
        run $ranks -o "$dir/head" $kind --threads 2 </dev/null &&
            cmp -s "$dir/alone" "$dir/head"
        ok $? "$ranks ranks: the same bytes ($kind)"
        rm -f "$dir/head"
    done
done <"$dir/kinds"

# long enough to be stopped on the way
case ${REAP_CPU:-} in ref | blas) epochs=40 ;; *) epochs=400 ;; esac
long="--arch mlp:300 --epochs $epochs --seed 3"
# shellcheck disable=SC2086
"$REAP" fit "$dir/store" -q -o "$dir/alone" $long >"$dir/log" 2>&1
begin() { # ranks: in the background, until an epoch is done
    : >"$dir/log"
    # shellcheck disable=SC2086
    mpirun -n "$1" "$REAP" fit "$dir/store" -o "$dir/head" $long >"$dir/log" 2>&1 &
    job=$!
    while ! grep -q epoch "$dir/log" && kill -0 $job 2>/dev/null; do sleep 0.05; done
}
ranks_of() { # those whose command line names our folder, but for mpirun
    for p in /proc/[0-9]*; do
        cat "$p/cmdline" 2>/dev/null | tr '\0' ' ' | grep -q "^[^ ]*reap fit $dir" && echo "${p#/proc/}"
    done
}
begin 2
kill -USR1 $(ranks_of) 2>/dev/null
wait $job
[ -s "$dir/head.part" ] && [ ! -e "$dir/head" ]
ok $? 'SIGUSR1 to two ranks: where they stand is saved'
begin 3
kill -KILL "$(ranks_of | tail -1)" 2>/dev/null
wait $job 2>/dev/null
got=$?
[ $got != 0 ] && [ -s "$dir/head.part" ] && [ ! -e "$dir/head" ]
ok $? "a killed rank ends the job: $got"
# shellcheck disable=SC2086
run 4 -o "$dir/head" $long && grep -q 'resuming after' "$dir/log" && cmp -s "$dir/alone" "$dir/head"
ok $? 'four ranks resume where two were: the same bytes'

mkdir "$dir/closed"
run 2 -o "$dir/closed/no/head" --epochs 1
got=$?
[ $got = 73 ] && [ "$(grep -c '^reap fit' "$dir/log")" = 1 ]
ok $? "an output that cannot be written: 73, said once: $got"
run 3 -o "$dir/head" --features max
got=$?
[ $got = 64 ] && [ "$(grep -c '^reap fit' "$dir/log")" = 1 ]
ok $? "a wrong option: 64, said once: $got"
tap_done
