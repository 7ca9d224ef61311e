#!/bin/sh
# What a person sees on a terminal: the line of progress moves, fits the window
# and is gone before results are printed; errors have a colour where it is
# wanted; what is suggested can be pasted; tables fit 80 columns.
# tap_logs is lib.sh's.
# shellcheck disable=SC2016,SC2034,SC2086
. tests/lib.sh
REAP=$(realpath "${REAP:-build/reap}")
tools=$(realpath "${B:-build}/tests/tools")
commands=$(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def)
if ! command -v script >/dev/null; then
    skip 'progress on a terminal' 'script, which makes one, is not installed'
    tap_done
fi
tmp=$(mktemp -d)
server=$tmp/tmux
trap 'tmux -S "$server" kill-server 2>/dev/null; rm -rf "$tmp"' EXIT
export REAP REAP_CACHE="$tmp/cache" TERM=xterm XDG_STATE_HOME="$tmp/state"
unset NO_COLOR COLUMNS
mkdir "$tmp/photos"
"$tools/draw_pictures" "$tmp/photos" p 8 0 1
"$REAP" import "$tmp/photos" -o "$tmp/set" --quiet >"$tmp/log"
ok $? 'a dataset to compute'
small='-w none --model torchvision/resnet18 --input-shape 64,64'

# What stands on the terminal in the end: a carriage return goes back to the
# first column, where later characters take the places of earlier ones, and
# ESC [ K takes away what is to the right.
seen() {
    awk -v RS='\r?\n' '{
        n = split($0, part, "\r"); line = ""
        for (i = 1; i <= n; i++) {
            cut = sub(/\033\[K$/, "", part[i])
            line = part[i] (cut ? "" : substr(line, length(part[i]) + 1))
        }
        sub(/ *$/, "", line); print line }' "$1"
}
# The widest that was drawn, of lines that were drawn over.
widest() {
    tr '\r' '\n' <"$1" | sed 's/\x1b\[K//' | grep '^0:' | wc -L
}
on_terminal() { # COLUMNS COMMAND: typescript in $tmp/typescript
    script -qec "stty cols $1 rows 24; $2" "$tmp/typescript" >/dev/null </dev/null
}
cd "$tmp" || exit
on_terminal 80 "'$REAP' extract set -o store $small"
ok $? 'extract on a terminal'
grep -q 'of 8 images' typescript
ok $? 'progress is shown'
# the bytes in the order of their way: progress, blanks over it, results
tr '\r' '\n' <typescript | sed 's/\x1b\[K//' | grep -q '^store:    store, complete'
ok $? 'results begin in the first column'
seen typescript >screen
verdict 'nothing is left of progress' "$(grep 'images (' screen)"

for width in 80 60 24; do
    on_terminal $width "'$REAP' extract set -o wide$width $small"
    [ "$(widest typescript)" -lt $width ] && [ "$(widest typescript)" -gt 10 ]
    ok $? "on $width columns progress has at most $((width - 1)): $(widest typescript)"
done
# The plain kernels need some seconds for four images: time goes on meanwhile.
slow='extract set -w none --model torchvision/resnet50 --threads 1 --limit 4 -o'
REAP_CPU=ref on_terminal 80 "'$REAP' $slow slow"
moved=$(tr '\r' '\n' <typescript | grep -oE '^0:[0-9]+  0 of 4 images' | sort -u | wc -l)
took=$(sed -n 's/.*this run: .* in 0:0*\([0-9]*\).*/\1/p' typescript)
[ "$moved" -ge 2 ] && [ "$moved" -ge $((took / 2)) ]
ok $? "it moves every second, though nothing is done yet: $moved times in $took s"

# Not a terminal: no bytes that only a terminal understands.
"$REAP" extract set -o piped $small 2>err >out
[ -s err ] && ! grep -q "$(printf '[\r\033]')" out err
ok $? 'a log is plain text'
TERM=dumb on_terminal 80 "'$REAP' extract set -o dumb $small"
! grep -q "$(printf '\033')" typescript
ok $? 'and so is a terminal that can do nothing else'

if command -v tmux >/dev/null; then
    tmux -S "$server" -f /dev/null new-session -d -x 60 -y 20 \
        "REAP_CPU=ref '$REAP' $slow inside; echo the next; sleep 100" 2>"$tmp/log"
    tries=0
    while [ $tries -lt 300 ]; do
        tmux -S "$server" capture-pane -p >screen
        grep -q '^the next' screen && break
        grep -oE '^0:[0-9]+  0 of 4 images.*' screen
        tries=$((tries + 1))
        sleep 0.2
    done | sort -u >moved
    [ "$(wc -l <moved)" -ge 2 ]
    ok $? "progress moves in tmux: $(wc -l <moved) lines of it"
    tmux -S "$server" capture-pane -p >screen
    tap_logs=$tmp/screen
    grep -q '^store: *inside, complete' screen && grep -q '^the next' screen &&
        ! grep -q '^0:' screen
    ok $? 'and is gone when results are printed'
    tap_logs=
else
    skip 'progress in tmux' 'tmux is not installed'
fi

# Errors and their colour.
red=$(printf '\033\\[1;31mreap info:\033\\[0m ')
on_terminal 80 "'$REAP' info none"
grep -q "^$red" typescript
ok $? 'an error is red on a terminal'
NO_COLOR=1 on_terminal 80 "'$REAP' info none"
! grep -q "$(printf '\033')" typescript && grep -q '^reap info: none' typescript
ok $? 'not with NO_COLOR'
NO_COLOR='' on_terminal 80 "'$REAP' info none"
grep -q "^$red" typescript
ok $? 'which counts only if it is not empty'
"$REAP" info none 2>err
! grep -q "$(printf '\033')" err
ok $? 'nor in a log'

# The next command is pasted into a shell, whatever the names are.
odd="it's \"a\" \$(store) & more"
"$REAP" extract set -o "$odd" $small --label-from prefix 2>err >out
sed -n 's/^next: *reap/"$REAP"/p' out >next
bash -eu next >out 2>&1 && [ -s embeddings.npy ]
ok $? "pasted: $(cat next)"
"$REAP" fit "$odd" --truth /dev/stdin -o "a head's" >out 2>err <<EOF
p-000.png	a
p-001.png	b
p-002.png	a
p-003.png	b
EOF
sed -n 's/^next: *reap/"$REAP"/p' out >next
bash -eu next >out 2>&1 && [ -d labels ]
ok $? "pasted: $(cat next)"
sed -n 's/^next: *reap/"$REAP"/p' out >next
bash -eu next >out 2>&1 && [ -s labels.csv ]
ok $? "pasted: $(cat next)"
mkdir 'my photos' && cp photos/p-000.png 'my photos/'
"$REAP" classify 'my photos' -w none 2>err
sed -n 's/.*: reap \(import .*\) -o DATASET/"$REAP" \1 -o pasted/p' err >next
bash -eu next >out 2>&1 && [ -d pasted ]
ok $? "pasted: $(cat next)"

# What was asked cannot be done: the line says what to do instead.
says() { # status, words, reap's arguments
    want=$1 words=$2
    shift 2
    "$REAP" "$@" >out 2>err
    [ $? = "$want" ] && grep -q -- "$words" err
    ok $? "reap $* exits $want: $(tail -1 err | cut -c1-100)"
}
touch hosts
says 66 "name its images ('my photos'/\*)" classify 'my photos' -w none
says 66 "name its images ('my photos'/\*)" extract 'my photos' -w none -o x
says 64 'reap help models' weights
says 64 'such as torchvision/resnet50' weights imagenet
says 66 'did you mean resnet50' weights resnet5O
says 66 'did you mean torchvision/resnet50' extract set -o x -w torchvison/resnet50
says 64 'add --ranks' extract set -o x $small --hostfile hosts
says 64 'made if it is not there' extract set $small
REAP_CPU=avx2 says 64 'reap quantize' compare none set

# Tables and reports, with long names in them.
fits() { # reap's arguments
    COLUMNS=80 "$REAP" "$@" >out 2>err
    verdict "reap $(echo $* | cut -c1-60) fits 80 columns" "$(while read -r line; do
        [ "$(echo "$line" | wc -L)" -le 80 ] || echo "$line"
    done <out | head -3)"
}
for c in $commands; do
    fits help "$c"
done
fits help models
fits info set
fits verify store
fits export store -o e.csv
fits compare none set --model torchvision/resnet18 --input-shape 64,64 --precision fp32
fits bench engine --model torchvision/resnet18 --input-shape 64,64 --seconds 1
fits bench engine --model torchvision/resnet18 --input-shape 64,64 --seconds 1 --layers
fits bench engine --model torchvision/resnet18 --input-shape 64,64 --seconds 1 --latency
fits bench input set --seconds 1
fits bench end-to-end set --model torchvision/resnet18 --input-shape 64,64 --seconds 1
fits evaluate labels --truth labels.csv
fits review labels -o review.csv
fits jobs
cd / && tap_done
