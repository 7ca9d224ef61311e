#!/bin/sh
# Every example of help, and so of the manual pages, is run as it stands: one
# after the other, in a folder with made images and random weights. tap_logs is
# lib.sh's.
# shellcheck disable=SC2034
. tests/lib.sh
case ${B:-} in */san/*)
    skip 'examples of help' 'they are run by the plain build'
    tap_done
    ;;
esac
# Examples are about the program, not about one level of it.
unset REAP_CPU
REAP=$(realpath "${REAP:-build/reap}")
tools=$(realpath "${B:-build}/tests/tools")
commands=$(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin" "$tmp/here"
ln -s "$REAP" "$tmp/bin/reap"
export REAP PATH="$tmp/bin:$PATH" REAP_CACHE="$tmp/cache" XDG_STATE_HOME="$tmp/state"
# Nothing is fetched: whoever tries finds nobody.
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9

# What examples take for granted: photos in folders, archives with labels, a list,
# labels, weights.
given() (
    cd "$tmp/here" || exit
    kind=0
    for k in bird cat dog; do
        mkdir -p "photos/${k}s" "shard$kind"
        "$tools/draw_pictures" "photos/${k}s" "$k" 7 "$kind" 1 || exit
        "$tools/draw_pictures" "shard$kind" "$k" 3 "$kind" 2 || exit
        for f in "shard$kind"/*.png; do
            echo "$kind" >"${f%.png}.cls"
        done
        for i in 0 1 2 3 4 5 6; do
            printf '%ss/%s-00%s.png\t%ss\n' "$k" "$k" "$i" "$k"
        done
        kind=$((kind + 1))
    done >all.tsv
    awk 'NR % 3 == 0' all.tsv >truth.tsv
    awk 'NR % 3' all.tsv | sed '3s/birds$/dogs/; 12s/cats$/birds/' >labels.tsv
    sed 's|^|photos/|' all.tsv >list.txt
    tar -cf train-0001.tar shard0 shard1 && tar -cf train-0002.tar shard2 &&
        cp photos/cats/cat-000.png cat.jpg && cp photos/dogs/dog-000.png dog.jpg &&
        "$tools/make_weights" torchvision/resnet18 1 resnet50.safetensors &&
        "$tools/make_weights" resnet50 1 keras.safetensors &&
        reap weights keras.safetensors --to keras -o my_model.weights.h5
)
examples() { # COMMAND or nothing: one command line a line
    # shellcheck disable=SC2086
    "$REAP" help $1 | sed '1,/^Examples$/d' | sed '/^$/,$d' | grep -v '^  #' |
        sed -e ':a' -e '/\\$/N' -e 's/ \\\n */ /' -e 'ta' -e 's/^  //'
}
has() { # a flag of this CPU
    grep -qwE "$1" /proc/cpuinfo
}
# How an example must end that this machine cannot run: the status and the words
# by which it says so. Nothing for one that must simply work.
ends() {
    case $1 in
    *'weights imagenet'*) echo '66 https://' ;;
    *'compare '*int8*) has 'avx512_vnni|avx_vnni|amx_int8' || echo '64 int8' ;;
    *'compare '*bf16*) has 'avx512_bf16|amx_bf16' || echo '64 bf16' ;;
    esac
}
run() { # the line
    (cd "$tmp/here" && timeout 120 sh -c "$1" >"$tmp/log" 2>&1)
}

given
ok $? 'images, labels and weights for the examples are made'
tap_logs=$tmp/log
for c in '' $commands; do
    examples "$c" >"$tmp/lines"
    [ -s "$tmp/lines" ]
    ok $? "help $c has examples"
    while read -r line; do
        want=$(ends "$line")
        run "$line"
        got=$?
        if [ -n "$want" ]; then
            [ "$got" = "${want%% *}" ] && grep -q -- "${want#* }" "$tmp/log"
            ok $? "$line: ends with $want"
            continue
        fi
        [ "$got" = 0 ]
        ok $? "$line"
    done <"$tmp/lines"
done
# What was sent to the background ends before its folder is gone.
tries=100
while reap jobs --json | grep -qE '"(running|waiting)"' && [ $tries -gt 0 ]; do
    sleep 0.2
    tries=$((tries - 1))
done
[ $tries -gt 0 ]
ok $? 'jobs of the background have ended'
tap_done
