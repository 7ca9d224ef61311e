#!/bin/sh
# What kill -9 costs, counted: each record that goes into the engine leaves a
# line before it does (REAP_TRACE). No record that has a row is computed again,
# and what is redone was in a lease of a process that died. REAP_KILLS sets how
# many kills, REAP_SEED repeats a choice.
. "$(dirname "$0")/help.sh"
seed=${REAP_SEED:-$(date +%s)} kills=${REAP_KILLS:-5}
echo "# REAP_SEED=$seed"
dice() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    number=$((seed / 65536 % $1))
}
strike() { # leader of a session; false if there was nobody to kill
    # shellcheck disable=SC2046
    set -- $(session "$1")
    [ $# -gt 0 ] || return 1
    dice $#
    shift $number
    kill -9 "$1" 2>/dev/null
}
gone() { # leader: nothing of its session is left
    i=300
    while [ -n "$(session "$1")" ] && [ $i -gt 0 ]; do
        i=$((i - 1))
        sleep 0.1
    done
}
# Keys that have a row, a line each.
stored() {
    rm -f "$dir"/rows.*
    "$REAP" export "$dir/$1" -o "$dir/rows.csv" -q >/dev/null 2>&1 &&
        sed '1d; s/,.*//' "$dir/rows.csv" | LC_ALL=C sort
}
# The keys of a list of runs ("run PID KEY"), each as often as it is there.
ran() { sed -n 's/^run [0-9]* //p' "$@" | LC_ALL=C sort; }
# The keys of the leases in a trace, in the order of the dataset.
leased() { # trace
    awk 'FNR == NR { at[$0] = FNR; key[FNR] = $0; next }
        $1 == "lease" { for (i = 0; i < $5; i++) print key[at[$6] + i] }' \
        "$dir/keys" "$1" | LC_ALL=C sort
}
count() { wc -l | tr -d ' '; }

# shellcheck disable=SC2086
{
    # Many layers and small batches: kills come in the middle.
    slow='--model torchvision/resnet50 --weights none --seed 1 --input-shape 96,96 --threads 1 --batch 2'
    ls "$photos" | LC_ALL=C sort >"$dir/keys"
    keys=$(count <"$dir/keys")

    # ---- mpirun: each kill ends the job, the same command goes on
    : >"$dir/had"
    again=0 outside=0 computed=0 out=0 late=0 struck=0 job_nr=0 rc=1
    while [ $job_nr -lt 30 ] && [ $rc != 0 ]; do
        job_nr=$((job_nr + 1))
        export REAP_TRACE="$dir/trace.$job_nr"
        : >"$REAP_TRACE"
        setsid mpirun -n 3 "$REAP" extract "$dir/set" -o "$dir/k" $slow \
            >"$dir/log" 2>&1 &
        job=$!
        if [ $struck -lt "$kills" ]; then
            i=100 # until it is at work, and a moment more
            until grep -q '^run' "$REAP_TRACE" || [ $i = 0 ]; do
                i=$((i - 1))
                sleep 0.1
            done
            dice 10
            sleep 0.$number
            strike $job && struck=$((struck + 1))
        fi
        ended $job 60 || break
        wait $job
        rc=$?
        gone $job
        stored k >"$dir/has"
        ran "$REAP_TRACE" >"$dir/ran"
        leased "$REAP_TRACE" >"$dir/leased"
        # computed now although it had a row before
        again=$((again + $(LC_ALL=C join "$dir/had" "$dir/ran" | count)))
        # computed and not stored: was it in a lease that is not stored?
        LC_ALL=C comm -23 "$dir/leased" "$dir/has" | uniq >"$dir/open"
        LC_ALL=C comm -23 "$dir/ran" "$dir/has" | uniq >"$dir/lost"
        outside=$((outside + $(LC_ALL=C comm -13 "$dir/open" "$dir/lost" | count)))
        computed=$((computed + $(count <"$dir/ran")))
        out=$((out + $(count <"$dir/open")))
        # within a job nobody was killed before: given twice as it was late
        late=$((late + $(uniq -d "$dir/ran" | count)))
        echo "# job $job_nr: $(count <"$dir/ran") computed," \
            "$(count <"$dir/open") keys in open leases at its end," \
            "$(count <"$dir/has") of $keys keys have a row"
        cp "$dir/has" "$dir/had"
    done
    unset REAP_TRACE
    [ $rc = 0 ] && [ "$(count <"$dir/has")" = "$keys" ]
    ok $? "$struck kills of mpirun -n 3, $job_nr starts: complete"
    [ $again = 0 ]
    ok $? "$again records computed again that had a row"
    [ $outside = 0 ]
    ok $? "$outside records computed and lost outside of open leases"
    [ $computed -ge "$keys" ] && [ $computed -le $((keys + out + late)) ]
    ok $? "$computed computed, at most $keys + $out in leases at the kills + $late late"

    # ---- --ranks: the job goes on without the dead
    : >"$dir/trace"
    REAP_TRACE="$dir/trace" "$REAP" extract "$dir/set" -o "$dir/own" $slow \
        --ranks 3 >"$dir/log" 2>&1 &
    job=$!
    struck=0
    had=0 # rows: three ends of mpirun without a new one, and reap gives up
    for i in 1 2 3; do
        j=200
        more=$(($(ran "$dir/trace" | count) + 4))
        until [ "$(grep -c '^row' "$dir/trace")" -gt $had ] &&
            [ "$(ran "$dir/trace" | count)" -gt $more ] || [ $j = 0 ]; do
            j=$((j - 1))
            sleep 0.1
        done
        had=$(grep -c '^row' "$dir/trace")
        m=$(cat /proc/[0-9]*/stat 2>/dev/null |
            awk -v p=$job '{ q = $1; sub(/.*\) /, ""); if ($2 == p) print q }')
        [ -z "$m" ] || { strike "$m" && struck=$((struck + 1)); }
    done
    ended $job 110
    ok $? "--ranks 3, $struck kills: it ends"
    wait $job
    ok $? 'by itself, with 0'
    stored own >"$dir/has"
    cmp -s "$dir/has" "$dir/keys"
    ok $? 'and each key has its row'
    # In the order of the trace: a key that has a row is not leased any more;
    # what a process had leased and did not live to see stored is leased again.
    awk 'FNR == NR { at[$0] = FNR; key[FNR] = $0; next }
        $1 == "end" { ended[$2] = 1 }
        $1 == "row" { rowed[$3] = 1 }
        $1 == "lease" {
            for (i = 0; i < $5; i++) {
                k = key[at[$6] + i]
                if (k in holder) {
                    from[++again] = holder[k]
                    had[again] = k in rowed
                }
                holder[k] = $2
                held[$2, k] = 1
            }
        }
        $1 == "run" {
            computed++
            outside += !(($2, $3) in held)
            if ($3 in by)
                before[++twice] = by[$3]
            by[$3] = $2
        }
        END {
            for (i = 1; i <= again; i++)
                if (!(from[i] in ended)) { # else it was late, no more
                    open++
                    stored += had[i]
                }
            for (i = 1; i <= twice; i++)
                if (before[i] in ended) late++
                else redone++
            print computed + 0, stored + 0, outside + 0, open + 0, redone + 0,
                late + 0
        }' "$dir/keys" "$dir/trace" >"$dir/sums"
    read -r computed stored outside open redone late <"$dir/sums"
    [ "$stored" = 0 ] && [ "$outside" = 0 ]
    ok $? "$stored keys of the dead leased that had a row, $outside computed without a lease"
    [ "$computed" -ge "$keys" ] && [ "$redone" -le "$open" ] &&
        [ "$computed" -le $((keys + open + late)) ]
    ok $? "$computed computed: $keys keys, $redone redone of $open in leases of the dead, $late late"
}
finish
