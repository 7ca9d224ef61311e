#!/bin/sh
# reap bench engine: one line that other programs read, a line for each layer,
# and refusals that say what there is.
reap=${REAP:-build/reap}
. tests/lib.sh
small="--model torchvision/resnet18 --input-shape 32,32 --seconds 1 --threads 1"
line=$($reap bench engine $small --batch 2 --json)
echo "# $line"
echo "$line" | grep -q '^{"who":"reap","what":"infer","prec":"fp32",.*"threads":1,"img_per_s":[0-9.]*,.*"batch":2}$'
ok $? 'one line of JSON for a batch size'
if [ -n "${REAP_CPU:-}" ]; then
    n=$((n + 1))
    echo "ok $n # skip REAP_CPU=$REAP_CPU: layers need avx2"
elif grep -qw avx2 /proc/cpuinfo; then
    $reap bench engine $small --batch 1 --layers | grep -q '^layer4.1.conv2 .* ms '
    ok $? 'a line for each layer'
else
    n=$((n + 1))
    echo "ok $n # skip no avx2: nothing is timed by layer"
fi
line=$($reap bench engine --model torchvision/resnet18 --input-shape 32,32 \
    --seconds 1 --threads 3 --latency --json)
echo "# $line"
# ref and blas do an image on one thread
case ${REAP_CPU:-} in ref | blas) together=1 ;; *) together=3 ;; esac
grep -qw avx2 /proc/cpuinfo || together=1
echo "$line" | grep -q '^{"who":"reap","what":"latency","prec":"fp32",.*"threads":'$together',"ms":[0-9.]*,"best_ms":[0-9.]*,"ms_95":[0-9.]*}$'
ok $? 'one line of JSON for one image on three threads'
$reap bench engine --latency --batch 4 2>&1 | grep -q 'one image'
ok $? '--latency with a batch is refused'
$reap bench nothing 2>&1 | grep -q 'engine'
ok $? 'an unknown part names those there are'
REAP_CPU=ref $reap bench engine --precision bf16x3 2>&1 | grep -q 'choose one of fp32'
ok $? 'a precision that the CPU lacks is refused'
$reap bench engine --batch 100000 2>&1 | grep -q 'at most'
ok $? 'a batch beyond reason is refused'
tap_done
