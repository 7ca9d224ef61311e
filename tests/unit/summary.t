#!/bin/sh
# reap summary prints, to the byte, what Keras 3.15.1 (model.summary() a hundred
# columns wide) and torchvision 0.29.1 with torch 2.14.1 (print(model)) print:
# the sums below are of their output.
reap=${REAP:-build/reap}
. tests/lib.sh

while read -r model sum; do
    is=$("$reap" summary "$model" | sha256sum | cut -c1-16)
    [ "$is" = "$sum" ]
    ok $? "$model is listed as its framework does"
done <<'LIST'
resnet50 8eab59cc2bf9dd7d
resnet101 831d625c477c9077
resnet152 21acd82c919328dc
resnet50v2 0ab8cc18fdd85bd4
resnet101v2 c4c8ae2f08c71c20
resnet152v2 58d8d9e4ee91311a
torchvision/resnet18 a97f3cd9703f49f9
torchvision/resnet34 4001c85ca63e426f
torchvision/resnet50 d7fc223d48a19fce
torchvision/resnet101 8e605c48145e6516
torchvision/resnet152 d393753de25d41a7
torchvision/resnext50_32x4d 290388c77dd2f931
torchvision/resnext101_32x8d c2fb160ab44ebf9f
torchvision/resnext101_64x4d 9f429f3fc8c8e9cf
torchvision/wide_resnet50_2 7f46a9dff515093a
torchvision/wide_resnet101_2 f51e8e350b50e398
LIST

"$reap" summary resnet50 | grep -q 'Total params: 25,636,712 (97.80 MB)'
ok $? 'ResNet50 has 25,636,712 parameters'
"$reap" summary torchvision/resnet50 --style keras |
    grep -q 'Total params: 25,557,032'
ok $? "torchvision's has 25,557,032, in Keras's table too"
"$reap" summary resnet50v2 --no-top --pooling max --input-shape 64,96 |
    grep -q '(None, 2, 3, 2048)'
ok $? 'another input size, no top'
[ "$("$reap" summary torchvision/resnet50 --block layer1.0.downsample)" = \
    'Sequential(
  (0): Conv2d(64, 256, kernel_size=(1, 1), stride=(1, 1), bias=False)
  (1): BatchNorm2d(256, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
)' ]
ok $? 'one block'
"$reap" summary resnet50 --block conv3_block2 | grep -q conv3_block2_out
ok $? 'one block of the table'
"$reap" summary resnet50 --json | grep -q '"params":25636712,"trainable":25583592'
ok $? 'JSON'
"$reap" summary resnet50 --classes 7 | grep -q '14,343'
ok $? 'seven classes'
for args in '' 'resnet51' 'resnet50 --style tall' 'resnet50 --block layer1' \
    'resnet50v2 --style torch' 'resnet50 --input-shape 31,31' \
    'resnet50 --input-shape 64' 'resnet50 --pooling mean'; do
    # shellcheck disable=SC2086
    "$reap" summary $args >/dev/null 2>&1
    [ $? = 64 ]
    ok $? "a usage error: summary $args"
done
tap_done
