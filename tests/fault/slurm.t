#!/bin/bash
# reap submit slurm on a real Slurm: a job of two nodes, a time limit that comes
# too soon, a job that is put back, preempted, cancelled, and two for one store.
# All end complete, with the rows of a run on this machine.
. tests/mpi/help.sh
for p in slurmctld slurmd munged sbatch; do
    command -v $p >/dev/null || skip_all "there is no $p (packages slurm-wlm and munge)"
done
[ "$(id -u)" = 0 ] || skip_all 'a Slurm of our own needs root'
slurm=$(mktemp -d "${TMPDIR:-/tmp}/reap-slurm-XXXXXX")
trap 'tests/fault/slurm.sh stop "$slurm"; sleep 1; rm -rf "$slurm" "$dir"' EXIT
if ! tests/fault/slurm.sh start "$slurm" 2 >"$dir/log" 2>&1; then
    skip_all "Slurm does not start here: $(tail -1 "$dir/log")"
fi
# shellcheck source=/dev/null
. "$slurm/env"
export XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/config"
REAP=$(readlink -f "$REAP")
cd "$dir" || exit 1
net='--model torchvision/resnet50 --weights none --seed 1 --input-shape 96,96 --threads 1'
submit() { # store, options of the job, "--", more options of extract
    store=$1 more=
    shift
    job=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do job+=("$1"); shift; done
    shift
    # shellcheck disable=SC2086
    timeout 240 "$REAP" submit slurm --cpus 1 --grace 20 "${job[@]}" -- extract set -o "$store" $net "$@" >"$dir/log" 2>&1
}
id_of() { # name
    sed -n 's/^Submitted job \([0-9]*\) .*/\1/p' "$dir/log"
}
rows() { "$REAP" info "$1" 2>/dev/null | awk '/^rows:/ { n = $2 } END { print n + 0 }'; }
until_rows() { # store
    for _ in $(seq 300); do
        [ "$(rows "$1")" -gt 0 ] && return 0
        sleep 0.1
    done
    return 1
}
until_gone() { # job
    for _ in $(seq 600); do
        squeue -h -j "$1" -o %T 2>/dev/null | grep -q . || return 0
        sleep 0.3
    done
    return 1
}
# shellcheck disable=SC2086
quiet "$REAP" extract set -o calm $net --threads 2
ok $rc 'an undisturbed run on this machine'
want=$(digest calm)

submit two --nodes 2 --time 10m --wait --
ok $? 'a job of two nodes, followed to its end'
[ "$(digest two)" = "$want" ]
ok $? 'its export is that of the run on this machine'

# Put back into the queue by the administrator, in the middle.
submit again --time 10m --
ok $? 'another job is handed in'
id=$(id_of)
until_rows again && scontrol requeue "$id" >>"$dir/log" 2>&1
ok $? 'it is put back into the queue in its work'
submit again --time 10m -- 2>/dev/null
[ $? = 73 ] && grep -q "job $id" "$dir/log"
ok $? 'a second job for its store is refused meanwhile'
until_gone "$id" && [ "$(digest again)" = "$want" ]
ok $? 'it goes on and gives the same export'
grep -q 'slurmstepd\|CANCELLED' extract-again.log && [ "$(grep -c 'torchvision/resnet50' extract-again.log)" -ge 2 ]
ok $? 'its log holds both parts'

# A job of more importance takes its node.
submit low --time 10m --nodes 1 --
id=$(id_of)
until_rows low && sbatch -p first -N 2 --exclusive -t 1 -o /dev/null --wrap 'sleep 2' >>"$dir/log" 2>&1
ok $? 'a job is preempted'
until_gone "$id" && [ "$(digest low)" = "$want" ]
ok $? 'it comes back by itself and gives the same export'

# Cancelled: it drains, and does not come back.
submit stopped --time 10m --
id=$(id_of)
until_rows stopped && "$REAP" cancel "$id" >"$dir/log" 2>&1
ok $? 'a job is cancelled in its work'
until_gone "$id"
ok $? 'it ends and does not come back'
had=$(rows stopped)
[ "$had" -gt 0 ] && ! "$REAP" info stopped --complete >/dev/null 2>&1
ok $? "what it did is stored ($had rows)"
"$REAP" jobs >"$dir/log" 2>&1 && grep -q "^$id .*ended (75)" "$dir/log"
ok $? 'it is listed as ended early'
submit stopped --time 10m --wait --
[ $? = 0 ] && [ "$(digest stopped)" = "$want" ]
ok $? 'submitted again it goes on to the same export'

# scancel, as people type it.
submit killed --time 10m --
id=$(id_of)
until_rows killed && scancel "$id"
until_gone "$id"
ok $? 'scancel ends a job'
submit killed --time 10m --wait --
[ $? = 0 ] && [ "$(digest killed)" = "$want" ]
ok $? 'submitted again it goes on to the same export'

# No such partition, in Slurm's own words.
submit none --time 10m --partition nowhere --
[ $? = 64 ] && grep -q 'partition' "$dir/log"
ok $? 'an unknown partition is refused before anything runs'

if [ -n "${REAP_FAULT_FULL:-}" ]; then
    # The time limit: Slurm counts in minutes, so this takes some.
    sed "s/{{time}}/0-00:01:30/; s/B:USR1@{{grace}}/B:USR1@30/" "$OLDPWD/cluster/slurm/slurm.in" >"$dir/t.in"
    mkdir -p config/reap/slurm && cp t.in config/reap/slurm/slurm.in
    # shellcheck disable=SC2086
    "$REAP" submit slurm --cpus 1 --time 10m -- extract set -o slow --model torchvision/resnet152 --weights none \
        --input-shape 448,448 --seed 1 --threads 1 >"$dir/log" 2>&1
    ok $? 'a job longer than its time limit'
    id=$(id_of)
    for _ in $(seq 900); do
        squeue -h -j "$id" -o %T 2>/dev/null | grep -q . || break
        sleep 1
    done
    "$REAP" info slow --complete --quiet >/dev/null 2>&1
    ok $? 'drains, comes back and ends complete'
    grep -q 'stopped early' extract-slow.log
    ok $? 'in more than one part'
    # A node is lost.
    rm -r config
    submit node --nodes 2 --time 10m --
    id=$(id_of)
    until_rows node && scontrol update nodename=t2 state=down reason=test
    ok $? 'a node goes down in the work'
    sleep 5
    scontrol update nodename=t2 state=resume
    until_gone "$id" && [ "$(digest node)" = "$want" ]
    ok $? 'the job comes back and gives the same export'
fi
cd "$OLDPWD" || exit 1
finish
