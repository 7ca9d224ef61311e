#!/bin/bash
# tests/fault/slurm.sh start DIR NODES | stop DIR - a Slurm of its own below DIR
#
# Real daemons on this machine: one controller and a slurmd for each node, all
# files below DIR, no systemd, no accounting. DIR/env is to be sourced by who
# uses it. Needs the packages slurm-wlm and munge, and root.
set -eu
what=$1 dir=$2
conf=$dir/slurm.conf
start() { # nodes
    local nodes=$1 host i
    host=$(hostname -s)
    mkdir -p "$dir/munge" "$dir/state" "$dir/pid" "$dir/log"
    chmod 755 "$dir" "$dir/munge"
    (umask 077 && head -c 1024 /dev/urandom >"$dir/munge/key")
    munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
        --pid-file="$dir/pid/munged" --log-file="$dir/log/munged" \
        --seed-file="$dir/munge/seed" --num-threads=1
    # Each node has a temporary folder of its own, or PMIx finds another's; a
    # job that was put back waits for its credential to run out.
    cat >"$conf" <<END
ClusterName=reaptest
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=28817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmctldPidFile=$dir/pid/slurmctld
SlurmctldLogFile=$dir/log/slurmctld
SlurmdPidFile=$dir/pid/slurmd-%n
SlurmdLogFile=$dir/log/slurmd-%n
SlurmdSpoolDir=$dir/spool-%n
TmpFS=$dir/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SlurmctldParameters=preempt_send_user_signal
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PropagateResourceLimits=NONE
MpiDefault=pmix
ReturnToService=2
KillWait=5
SlurmdTimeout=20
JobRequeue=1
NodeName=t[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[28821-$((28820 + nodes))] CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=512 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=15
PartitionName=first Nodes=ALL MaxTime=60 State=UP PriorityTier=10 PreemptMode=OFF
END
    cat >"$dir/env" <<END
export SLURM_CONF=$conf OMPI_MCA_btl=tcp,self
END
    # shellcheck source=/dev/null
    . "$dir/env"
    for i in $(seq "$nodes"); do
        mkdir -p "$dir/spool-t$i" "$dir/tmp-t$i"
        chmod 1777 "$dir/tmp-t$i"
    done
    slurmctld -c -f "$conf"
    for i in $(seq "$nodes"); do slurmd -N "t$i" -f "$conf"; done
    for i in $(seq 100); do
        [ "$(sinfo -h -p main -t idle -o %D 2>/dev/null)" != "$nodes" ] || return 0
        sleep 0.2
    done
    tail -5 "$dir/log/slurmctld" >&2
    return 1
}
stop() {
    local p
    for p in "$dir"/pid/slurmd-* "$dir/pid/slurmctld" "$dir/pid/munged"; do
        [ ! -s "$p" ] || kill "$(cat "$p")" 2>/dev/null || true
    done
}
case $what in
start) start "$3" ;;
stop) stop ;;
esac
