#!/bin/sh
# What shells offer after Tab: the scripts made from the tables are loaded and
# asked. bash is there on every system that builds reap; zsh and fish are asked
# where they are installed.
# tap_logs is lib.sh's.
# shellcheck disable=SC2034,SC2086,SC2116
. tests/lib.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
made=$(realpath "${B:-build}/completion")
commands=$(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def)
options_of() { # COMMAND: as its help lists them
    "$REAP" help "$1" | sed '/^Examples$/,$d' |
        sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' | sort -u
}
REAP=$(realpath "${REAP:-build/reap}")
root=$PWD
mkdir "$tmp/here" && cd "$tmp/here" && mkdir photos 'two words' && : >head.st || exit

cat >"$tmp/ask" <<'EOF'
# ask SCRIPT WORD...: what bash offers for the last of the words
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_reap
[ "${#COMPREPLY[@]}" = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
EOF
ask() {
    bash "$tmp/ask" "$made/reap.bash" "$@" 2>&1 | sort
}
offers() { # what bash must offer, with blanks between; the words typed
    want=$(echo "$1" | tr ' ' '\n' | sort)
    shift
    [ "$(ask "$@")" = "$want" ]
    ok $? "bash: $* -> $(echo "$want" | tr '\n' ' ' | cut -c1-60)"
}
bash -n "$made/reap.bash"
ok $? 'bash reads its script'
offers "$(echo $commands help)" reap ''
offers 'extract export' reap ex
offers 'rgb bgr' reap extract set --order ''
offers 'bgr' reap extract --order = b
offers 'torchvision/resnet18 torchvision/resnet152 torchvision/resnet101' \
    reap summary torchvision/resnet1
offers 'keras torch' reap summary --style ''
offers 'keras' reap weights a.pth --to k
offers 'csv cleanlab' reap review s --to c
offers '' reap fit s --epochs ''
offers 'head.st' reap classify x --head h
[ "$(ask reap predict st --head t)" = 'two words' ]
ok $? 'bash: a name with a blank is one'
offers 'none' reap extract set -w n
offers 'imagenet' reap tune set -w i
offers '--l2 --label-from --limit' reap extract set --l
offers 'photos' reap import ph
offers 'engine end-to-end' reap bench e
offers 'models' reap help m
offers 'extract export' reap submit slurm --nodes 4 -- ex
offers '--ranks --resize --retry-failed' reap submit slurm -- extract set --r
offers '--restarts' reap submit slurm --r
for c in $commands; do
    [ "$(ask reap "$c" --)" = "$(options_of "$c")" ]
    ok $? "bash: reap $c -- offers the options that help lists"
done

if command -v fish >/dev/null; then
    fish() { command fish --no-config -c "$@" 2>&1; }
    fish_offers() { # a word that must be among them, the line typed
        fish "source $made/reap.fish; complete -C '$2'" | cut -f1 | grep -qx -- "$1"
        ok $? "fish: $2 -> $1"
    }
    command fish -n "$made/reap.fish"
    ok $? 'fish reads its script'
    for c in $commands; do
        fish_offers "$c" 'reap '
    done
    fish_offers --order 'reap extract set --or'
    fish_offers bgr 'reap extract set --order '
    fish_offers torchvision/resnet18 'reap summary --model torchvision/resnet1'
    fish_offers end-to-end 'reap bench e'
    ! fish "source $made/reap.fish; complete -C 'reap info --or'" | grep -q order
    ok $? 'fish: reap info has no --order'
else
    skip 'what fish offers' 'fish is not installed'
fi

if command -v zsh >/dev/null; then
    cat >"$tmp/zask" <<'EOF'
# What a person sees who types $1 and Tab in a zsh
zmodload zsh/zpty
zpty t zsh -f -i
zpty -w t "PS1=; fpath=($2 \$fpath); autoload -U compinit; compinit -u -D"
zpty -w t "zstyle ':completion:*' list-prompt ''; stty cols 200; echo re''ady"
zpty -r t seen '*ready*'
zpty -w -n t "$1"$'\t\t'
sleep 0.7
zpty -w -n t $'\C-u'"echo all se''en"$'\n'
zpty -r t seen '*all seen*'
print -r -- "$seen"
EOF
    mkdir "$tmp/fpath" && cp "$made/_reap" "$tmp/fpath/"
    zsh_offers() { # a pattern in what is seen, the line typed
        timeout 30 zsh -f "$tmp/zask" "$2" "$tmp/fpath" >"$tmp/seen" 2>&1 </dev/null
        grep -q -- "$1" "$tmp/seen"
        ok $? "zsh: $2 -> $1"
    }
    zsh -n "$made/_reap"
    ok $? 'zsh reads its script'
    tap_logs=$tmp/seen
    zsh_offers 'extract .*embeddings of a dataset' 'reap '
    zsh_offers 'reap extract set --order' 'reap extract set --ord'
    zsh_offers 'bgr' 'reap extract set --order '
    zsh_offers 'torchvision/resnet18' 'reap summary --model torchvision/resnet'
    zsh_offers 'end-to-end' 'reap bench en'
    zsh_offers 'imagenet' 'reap extract set -w im'
    zsh_offers 'head.st' 'reap extract set -w he'
else
    skip 'what zsh offers' 'zsh is not installed'
fi

# Each shell's script is installed where that shell looks, and taken away again.
cd "$root" || exit
into() { MAKEFLAGS='' make -s B="${B:-build}" DESTDIR="$tmp/root" PREFIX=/usr "$1" >"$tmp/log" 2>&1; }
tap_logs=$tmp/log
into install
ok $? 'make install'
(cd "$tmp/root/usr" && find . -type f | grep -v '/man/' | sort | tr '\n' ' ') >"$tmp/files"
[ "$(cat "$tmp/files")" = "./bin/reap ./share/bash-completion/completions/reap \
./share/fish/vendor_completions.d/reap.fish ./share/zsh/site-functions/_reap " ]
ok $? "what is installed besides manual pages: $(cat "$tmp/files")"
[ "$(find "$tmp/root" -name 'reap*.1' | wc -l)" = $(($(echo "$commands" | wc -l) + 1)) ]
ok $? 'a manual page for each command'
into uninstall && [ -z "$(find "$tmp/root" -type f)" ]
ok $? 'make uninstall takes all of it away'
tap_done
