#!/bin/sh
# Fine-tuning: the same bytes for any ranks and threads, and after any stop;
# what it refuses, and what a tuned model gives.
. "$(dirname "$0")/help.sh"
# Four classes, by turns: labels mean nothing here.
ls "$photos" | awk '/^[0-9][0-9][0-9][0-9]_/ {
    printf "%s\tclass%d\n", $0, NR % 4 }' >"$dir/truth"
size='--input-shape 64,64 --preset keras-bilinear'
w=${REAP_SHARED:+$REAP_SHARED/weights/resnet50_pqf.safetensors}
if [ -z "$w" ]; then
    w=$dir/made.safetensors
    "${B:-build}/tests/tools/sample" weights torchvision_resnet50 "$w" || exit 1
fi
w="--weights $w"
# shellcheck disable=SC2086
{
    "$REAP" extract "$dir/set" -o "$dir/store" $w $size -q >"$dir/log" 2>&1 &&
        "$REAP" fit "$dir/store" --truth "$dir/truth" -o "$dir/head" --arch mlp:32 \
            --epochs 2 -q >"$dir/log" 2>&1
    ok $? 'a head is fitted'
    tune="tune $dir/set --truth $dir/truth $w $size --head $dir/head --lr 1e-4
          --seed 3 --limit 40 --batch 16 --epochs 2 --keep-features $dir/features"
    one() { # name, what stands before reap, options
        name=$1 before=$2
        shift 2
        timeout 400 $before "$REAP" $tune -o "$dir/$name" "$@" >"$dir/log" 2>&1
        rc=$?
    }
    same() { # name, what
        cmp -s "$dir/$base" "$dir/$1"
        ok $? "$2: the same bytes"
    }
    base=layer
    one layer '' --unfreeze layer4.2 --threads 1 --json
    ok $rc 'one thread tunes layer4.2'
    grep -q '"epoch":2' "$dir/log" && ! grep -q nan "$dir/log"
    ok $? 'and tells both epochs'
    one threads '' --unfreeze layer4.2 --threads 3
    same threads '3 threads'
    for r in 2 3 4; do
        one ranks$r "mpirun -n $r" --unfreeze layer4.2 --threads 1
        same ranks$r "$r ranks"
    done
    [ -e "$dir/features" ] && [ ! -e "$dir/layer.part" ]
    ok $? 'the features are kept, what was saved is not'
    rm "$dir/features"
    one again '' --unfreeze layer4.2
    same again 'features computed again'
    one layer '' --unfreeze layer4.2
    [ $rc = 0 ] && grep -q 'already' "$dir/log"
    ok $? 'a model that is there is not made again'

    # Killed half way, drained half way, then run to the end. Many epochs: the
    # second is not the last one.
    base=long
    one long '' --unfreeze layer4.2 --epochs 20
    for signal in KILL USR1 TERM; do
        setsid "$REAP" $tune -o "$dir/stop$signal" --unfreeze layer4.2 \
            --epochs 20 --threads 1 >"$dir/log" 2>&1 &
        job=$!
        i=600
        until [ -e "$dir/stop$signal.part" ] || [ $i = 0 ]; do
            i=$((i - 1))
            sleep 0.05
        done
        kill -$signal $job 2>/dev/null
        { wait $job; } 2>/dev/null # the shell would tell that it was killed
        rc=$?
        case $signal in KILL) want=137 ;; *) want=75 ;; esac
        [ $rc = $want ]
        ok $? "$signal after the first epoch: $want ($rc)"
        one stop$signal '' --unfreeze layer4.2 --epochs 20
        same stop$signal "run again after $signal"
    done
    one limit '' --unfreeze layer4.2 --time-limit 1
    [ $rc = 75 ] || [ $rc = 0 ]
    ok $? "--time-limit 1 ends with 75 or in time ($rc)"

    base=views
    one views '' --unfreeze layer4.2 --augment flip,crop --threads 1
    ok $rc 'views: flipped and cropped'
    one views2 'mpirun -n 2' --unfreeze layer4.2 --augment flip,crop --threads 1
    same views2 'views on 2 ranks'
    ! cmp -s "$dir/views" "$dir/layer" # two epochs each
    ok $? 'views change the model'

    # The model is weights with a head.
    quiet "$REAP" classify "$dir/set" -o "$dir/labels" --weights "$dir/layer" \
        $size --limit 10
    ok $rc 'classify takes the model, head and all'
    quiet "$REAP" info "$dir/layer"
    grep -q 'fc.0 (2048 -> 32)' "$dir/log" && grep -q '^labels:' "$dir/log"
    ok $? 'info tells its head and labels'
    quiet "$REAP" tune "$dir/set" --truth "$dir/truth" --weights "$dir/layer" \
        $size --limit 20 --epochs 1 --unfreeze layer4.2 -o "$dir/on"
    ok $rc 'a model is tuned on, without --head'

    refused() { # code, words, options
        want=$1 words=$2
        shift 2
        quiet "$REAP" $tune -o "$dir/no" "$@"
        [ $rc = "$want" ] && grep -q -- "$words" "$dir/log"
        ok $? "$words: $want ($rc)"
    }
    refused 64 'layer4, layer3' --unfreeze conv5
    refused 64 'is needed, such as'
    # Without a hidden layer, whose units could die before anything overflows.
    "$REAP" fit "$dir/store" --truth "$dir/truth" -o "$dir/linear" --arch linear \
        --epochs 2 -q >"$dir/log" 2>&1
    quiet "$REAP" tune "$dir/set" --truth "$dir/truth" $w $size --head "$dir/linear" \
        --lr 900 --limit 40 --batch 16 --epochs 2 --unfreeze layer4.2 -o "$dir/no"
    [ $rc = 64 ] && grep -q 'is too high' "$dir/log"
    ok $? "a rate that is too high: 64 ($rc)"
    refused 64 'flip, crop' --unfreeze layer4.2 --augment spin
    sed 's/class[0-9]/class0/' "$dir/truth" >"$dir/one"
    refused 66 'at least two classes' --unfreeze layer4.2 --truth "$dir/one"
    sed 's/class/other/' "$dir/truth" >"$dir/others"
    refused 66 'knows none' --unfreeze layer4.2 --truth "$dir/others"
    refused 78 'other embeddings' --unfreeze layer4.2 --preset squash-256 --input-shape 224,224
    quiet "$REAP" tune "$dir/set" -o "$dir/no" --weights none --model resnet50 \
        --head "$dir/head" --unfreeze conv5
    [ $rc = 64 ]
    ok $? "random weights are not tuned: 64 ($rc)"
    head -30 "$dir/truth" >"$dir/few"
    # A list that is given again adds to the first: this one stands alone.
    few=$(echo "$tune" | sed "s|--truth $dir/truth|--truth $dir/few|")
    quiet "$REAP" $few -o "$dir/few.model" --unfreeze layer4.2
    [ $rc = 0 ] && grep -q '10 of 40 images without a label' "$dir/log"
    ok $? 'labels missing for some: the rest is used, and it is said'
    quiet "$REAP" $tune -o "$dir/absent/no" --unfreeze layer4.2
    [ $rc = 73 ]
    ok $? "no such folder: 73 ($rc)"
}
finish
