#!/bin/sh
# The same bytes from any number of ranks, threads and any batch; and what is
# said to those who start ranks in a way that cannot work.
. "$(dirname "$0")/help.sh"
# shellcheck disable=SC2086
{
    quiet "$REAP" extract "$dir/set" -o "$dir/alone" $net --threads 1 --batch 4
    ok $rc 'one process, one thread'
    want=$(digest alone)
    same() { # store, words
        [ $rc = 0 ] && [ "$(digest "$1")" = "$want" ]
        ok $? "$2: equal bytes"
    }
    quiet mpirun -n 1 "$REAP" extract "$dir/set" -o "$dir/one" $net --threads 2
    same one 'one rank, two threads'
    quiet mpirun -n 2 "$REAP" extract "$dir/set" -o "$dir/two" $net --batch 1
    same two 'two ranks, a batch of one'
    quiet mpirun -n 4 "$REAP" extract "$dir/set" -o "$dir/four" $net --batch 32
    same four 'four ranks, a batch of 32'
    quiet mpirun -n 2 "$REAP" extract "$dir/set" -o "$dir/coord" $net --dedicated
    same coord 'two ranks, one of which only coordinates'
    quiet "$REAP" extract "$dir/set" -o "$dir/own" $net --ranks 3
    same own '--ranks 3'
    echo 'ranks 2' >"$dir/job"
    quiet "$REAP" extract "$dir/set" -o "$dir/job2" $net --job "$dir/job"
    same job2 'ranks in a job file'
    [ -z "$(find "$dir" -name 'own.*' ! -name '*.lock')" ]
    ok $? '--ranks leaves nothing beside the store'

    quiet mpirun -n 3 "$REAP" extract "$dir/set" -o "$dir/two" $net --json
    [ $rc = 0 ] && grep -q '"done": *0[,}]' "$dir/log"
    ok $? 'a complete store: nothing is done again'

    quiet mpirun -n 2 "$REAP" extract "$dir/set" -o "$dir/mixed" $net : \
        -n 1 env REAP_CPU=ref "$REAP" extract "$dir/set" -o "$dir/mixed" $net
    same mixed 'a rank with other arithmetic takes no part'
    quiet mpirun -n 2 "$REAP" extract "$dir/set" -o "$dir/mixed2" $net : \
        -n 1 env REAP_CPU=ref "$REAP" extract "$dir/set" -o "$dir/mixed2" $net
    grep -q 'rank 2 on .* was sent away: it has arithmetic (--precision) fp32-ref' "$dir/log"
    ok $? 'and is told by name'
    mkdir "$dir/few"
    find "$photos" -name '*0_*' -exec cp {} "$dir/few" \;
    quiet "$REAP" import "$dir/few" -o "$dir/other"
    quiet mpirun -n 1 "$REAP" extract "$dir/set" -o "$dir/mixed3" $net : \
        -n 1 "$REAP" extract "$dir/other" -o "$dir/mixed3" $net
    grep -q 'rank 1 on .* was sent away: it has dataset ' "$dir/log"
    ok $? 'as is a rank that has another dataset'
    same mixed3 'whose rows nobody wants'

    quiet mpirun -n 2 "$REAP" extract "$dir/set" -o "$dir/no" $net --ranks 2
    [ $rc = 64 ] && grep -q 'leave it out under mpirun' "$dir/log"
    ok $? '--ranks under mpirun is a usage error'
    quiet env SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=4 \
        "$REAP" extract "$dir/set" -o "$dir/no" $net
    [ $rc = 64 ] && grep -q 'srun --mpi=pmix' "$dir/log"
    ok $? 'tasks of Slurm that do not know each other: the line to type'
    [ ! -e "$dir/no" ]
    ok $? 'neither makes a store'
    quiet "$REAP" extract "$dir/none" -o "$dir/no" $net --ranks 2
    [ $rc = 66 ]
    ok $? "--ranks on a dataset that is not there ends with the ranks' 66: $rc"
    [ "$(grep -c '^reap extract: /' "$dir/log")" = 1 ] &&
        grep -q '^reap extract: rank 1 on .*: /' "$dir/log"
    ok $? 'which each rank tells once'
}
finish
