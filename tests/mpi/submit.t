#!/bin/sh
# reap submit, jobs, cancel: scripts, refusals, a job of this machine; and what
# is asked of sbatch, by one that only notes it. A real Slurm: slurm.t.
. tests/lib.sh
REAP=${REAP:-build/reap}
here=$PWD
dir=$(mktemp -d "${TMPDIR:-/tmp}/reap-submit-XXXXXX") || exit 1
trap 'cd /; rm -rf "$dir"' EXIT
tap_logs="$dir/log"
export XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/config"
cd "$dir" || exit 1
mkdir photos bin
for i in 1 2 3 4 5 6; do
    { printf 'P6\n40 36\n255\n'; head -c 4320 /dev/zero | tr '\0' "\\$((i + 60))"; } >photos/$i.ppm
done
"$REAP" import photos -o set --quiet --all >log 2>&1
ok $? 'a dataset of six images'
small="extract set -o store --weights none --model torchvision/resnet18 --input-shape 32,32 --formats ppm --threads 1"
fails() { # exit status, pattern, arguments
    want=$1 pattern=$2
    shift 2
    "$REAP" "$@" >log 2>&1
    got=$?
    [ "$got" = "$want" ] && grep -q -- "$pattern" log
    ok $? "exit $want and '$pattern': reap $*"
}
# shellcheck disable=SC2086
{
    for s in slurm pbs lsf flux local; do
        "$REAP" submit $s --dry-run --time 4h -- $small >script.$s 2>log
        ok $? "a script for $s"
        bash -n script.$s 2>log
        ok $? "bash reads the script for $s"
        ! grep -q '{{\|}}' script.$s
        ok $? "every name of it has a value"
    done
    grep -q '^#SBATCH --time=0-04:00:00$' script.slurm
    ok $? 'Slurm gets days and hours'
    grep -q '^#PBS -l walltime=4:00:00$' script.pbs && grep -q -- '--time-limit 14220' script.pbs
    ok $? 'PBS gets hours, and reap drains by itself'
    ! grep -q '^#SBATCH --account' script.slurm
    ok $? 'a line without its value is left out'
    "$REAP" submit slurm --dry-run --nodes 3 --partition big --account a1 --cpus 8 --mem 16G --qos high \
        --scheduler-option --gres=nvme --grace 60 --restarts 3 --time 1-02:03:04 --name n.1 -- $small >script 2>log
    ok $? 'a script with all that Slurm can be asked for'
    for line in --nodes=3 --partition=big --account=a1 --cpus-per-task=8 --mem=16G --qos=high \
        --gres=nvme --signal=B:USR1@60 --time=1-02:03:04 --job-name=n.1; do
        grep -q -- "^#SBATCH $line\$" script
        ok $? "it has $line"
    done
    grep -q -- '--ranks 3 &$' script && grep -q -- '-lt 3 ' script && ! grep -q exclusive script
    ok $? 'three ranks, three restarts, no whole node where cores are counted'
    "$REAP" submit k8s --dry-run --image r/reap --claim data --nodes 4 --namespace lab -- $small >k8s 2>log
    ok $? 'an MPIJob'
    for line in 'apiVersion: kubeflow.org/v2beta1' 'kind: MPIJob' '  namespace: lab' \
        '      replicas: 4' '            runAsNonRoot: true' '  launcherCreationPolicy: WaitForWorkersReady'; do
        grep -qF -- "$line" k8s
        ok $? "it has '$line'"
    done
    grep -q 'args: \["extract", "set", "-o", "store"' k8s
    ok $? 'its command is a list of words'
    "$REAP" submit k8s --dry-run --image r/reap --claim data -- $small >k8s 2>log && grep -q 'kind: Job' k8s
    ok $? 'one node is a plain Job'

    fails 64 'a scheduler and a command' submit slurm
    fails 64 'no scheduler' submit cron -- $small
    fails 64 'no command' submit slurm -- extarct set -o store
    fails 64 'without .reap.' submit slurm -- reap $small
    fails 64 'is no command for a job' submit slurm -- submit local
    fails 64 'no option --featurs' submit slurm -- $small --featurs avg
    fails 66 'nowhere' submit slurm --dry-run -- extract nowhere -o store
    fails 64 'a span such as' submit slurm --time soon -- $small
    fails 64 'too short' submit slurm --time 3m -- $small
    fails 64 'say --nodes' submit slurm -- $small --ranks 4
    fails 64 'runs on one node' submit slurm --nodes 2 -- import photos -o other
    fails 64 'one node' submit local --nodes 2 -- $small
    fails 64 '--image' submit k8s -- $small
    fails 64 'letters, digits' submit slurm --name 'a b' -- $small
    fails 64 'control characters' submit slurm --partition 'a
b' -- $small
    fails 64 'only writes the script' submit lsf -- $small
    fails 66 'no job' cancel nothing
    PATH=/nonexistent "$REAP" submit slurm --time 1h -- $small >log 2>&1
    [ $? = 66 ] && grep -q 'no sbatch here' log
    ok $? 'a machine without Slurm is named as such'

    # A site's own template.
    mkdir -p config/reap/slurm
    printf '#!/bin/sh\n# Written by reap submit\n# {{name}} at our site\n{{account}}\n{{run}}\n' >config/reap/slurm/slurm.in
    "$REAP" submit slurm --dry-run --name x --time 1h -- $small >script 2>log
    grep -q '^# x at our site$' script && grep -q config/reap/slurm/slurm.in log && [ "$(wc -l <script)" = 4 ]
    ok $? "a site's template takes the place of reap's, and is named"
    echo '{{nothing}}' >>config/reap/slurm/slurm.in
    fails 66 'line 6.*{{nothing}}' submit slurm --dry-run --time 1h -- $small
    rm -r config

    # sbatch and squeue that note what they are asked.
    printf '#!/bin/sh\necho "sbatch $*" >>%s/asked\necho 4711\n' "$dir" >bin/sbatch
    printf '#!/bin/sh\necho "squeue $*" >>%s/asked\ncat %s/state.slurm\n' "$dir" "$dir" >bin/squeue
    for p in scancel scontrol; do printf '#!/bin/sh\necho "%s $*" >>%s/asked\n' $p "$dir" >bin/$p; done
    chmod +x bin/*
    echo PENDING >state.slurm
    PATH="$dir/bin:$PATH" "$REAP" submit slurm --time 1h -- $small >log 2>&1
    ok $? 'a job is handed in'
    grep -q 'job 4711' log && grep -q "^sbatch --parsable $dir/extract-store.slurm.sh\$" asked
    ok $? 'its number is told, its script was handed in'
    PATH="$dir/bin:$PATH" "$REAP" jobs >log 2>&1
    grep -q '^4711 .*slurm.*extract-store.*waiting' log
    ok $? 'it is listed as waiting'
    PATH="$dir/bin:$PATH" "$REAP" submit slurm --time 1h -- $small >log 2>&1
    [ $? = 73 ] && grep -q 'job 4711 (extract-store) is waiting' log
    ok $? 'a second job for the same store is refused, with the first'
    PATH="$dir/bin:$PATH" "$REAP" cancel 4711 >log 2>&1
    ok $? 'a waiting job is cancelled'
    grep -q '^scancel 4711$' asked
    ok $? 'it is taken off the queue'
    echo RUNNING >state.slurm
    PATH="$dir/bin:$PATH" "$REAP" cancel extract-store >log 2>&1
    grep -q '^scancel --batch --signal=USR1 4711$' asked && grep -q 'Requeue=0' asked
    ok $? 'a running one is drained and does not come back'
    printf '#!/bin/sh\necho "slurm_load_jobs error: Invalid job id specified" >&2\nexit 1\n' >bin/squeue
    PATH="$dir/bin:$PATH" "$REAP" jobs --json >log 2>&1
    grep -q '"state": "ended"' log
    ok $? 'a job that Slurm no longer knows has ended'
    printf '#!/bin/sh\necho "sbatch: error: invalid partition specified: x" >&2\nexit 1\n' >bin/sbatch
    PATH="$dir/bin:$PATH" "$REAP" submit slurm --time 1h --partition x -- $small >log 2>&1
    [ $? = 64 ] && grep -q 'invalid partition' log
    ok $? "what sbatch refuses is told in its own words"
    echo mine >extract-store.local.sh
    fails 73 'nothing beside it says that reap wrote it' submit local -- $small
    [ "$(cat extract-store.local.sh)" = mine ]
    ok $? "somebody's own script stays"
    rm extract-store.local.sh

    # This machine.
    "$REAP" submit local --wait -- $small >log 2>&1
    ok $? 'a job of this machine, followed to its end'
    "$REAP" info store --complete --quiet >log 2>&1
    ok $? 'its store is complete'
    "$REAP" jobs >log 2>&1
    grep -q 'local .*complete .*6 of 6' log
    ok $? 'it is listed as complete'
    "$REAP" submit local --wait --name bad -- extract set -o store --weights none --model resnet50 --formats ppm >log 2>&1
    [ $? = 78 ] && grep -q 'ended with 78' log
    ok $? 'a job that fails: its status, and where its words are'
    "$REAP" submit local --name long -- extract set -o st2 --weights none --model resnet152 --formats ppm --threads 1 \
        --limit 6 --no-cache >log 2>&1
    ok $? 'a longer job'
    "$REAP" cancel long >log 2>&1
    ok $? 'it is cancelled'
}
i=0
while "$REAP" jobs --json | tr -d '\n' | grep -q '"name": "long", "state": "running"\|long[^}]*running' && [ $i -lt 100 ]; do
    sleep 0.2
    i=$((i + 1))
done
[ $i -lt 100 ]
ok $? 'and ends'
"$REAP" extract set -o st2 --weights none --model resnet152 --formats ppm --limit 6 --quiet >log 2>&1
ok $? 'the same command goes on from there'
awk 'length > 80 { exit 1 }' log
ok $? 'lines fit 80 columns'
cd "$here" || exit 1
tap_done
