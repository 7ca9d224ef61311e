#!/bin/sh
# One process is killed again and again at random moments; the same command
# run again each time ends with the exports of a run that nobody disturbed.
REAP=$(realpath "${REAP:-build/reap}") 
. tests/lib.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/reap-test-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

mkdir photos
i=0
while [ $i -lt 400 ]; do
    {
        printf 'P6\n48 40\n255\n'
        head -c 5760 "$REAP" | tail -c +$((i + 1))
        head -c "$i" /dev/zero | tr '\0' "\\$(printf %o $((i % 250 + 1)))"
    } >photos/$i.ppm
    i=$((i + 1))
done
echo 'no picture' >photos/x.png
"$REAP" import photos -o set --all -q || exit 1
run() { # a store
    "$REAP" extract set -o "$1" --model torchvision/resnet18 --weights none \
        --seed 1 --preset unit --input-shape 64,64 --formats all -q
}
export_all() { # a store
    for f in npy csv jsonl; do "$REAP" export "$1" -o "$1.$f" -q; done
}
run whole 2>err
ok $? "an undisturbed run: $(head -1 err)"
export_all whole

kills=0 rc=1
while [ $kills -lt 60 ]; do
    run killed 2>err &
    pid=$!
    if [ $kills -lt 8 ]; then
        sleep "0.$(od -An -N1 -tu1 /dev/urandom | awk '{ printf "%03d", $1 * 3 }')"
        # the shell's child is the function, its child is reap
        pkill -9 -P $pid 2>/dev/null || kill -9 $pid 2>/dev/null
    fi
    wait $pid 2>/dev/null
    rc=$?
    kills=$((kills + 1))
    [ $kills -gt 8 ] && break
done
ok $rc "the run after 8 kills: $(head -1 err)"
"$REAP" verify killed >out 2>&1
ok $? "its store: $(head -1 out)"
export_all killed
for f in npy keys.txt failed.tsv csv jsonl meta.json; do
    cmp -s whole.$f killed.$f
    ok $? "$f is the same"
done
tap_done
