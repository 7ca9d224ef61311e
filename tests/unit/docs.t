#!/bin/sh
# Every example in README.md and docs/ works: blocks marked 'sh' and 'python'
# are run, page by page, on made images and random weights. Blocks marked with a
# further word need what a test does not have (network, cluster, build, minutes):
# there each command and option is looked up. So are options in running text.
# Backticks are those of the pages, tap_logs is lib.sh's.
# shellcheck disable=SC2016,SC2034,SC2086
. tests/lib.sh
case ${B:-} in */san/*)
    skip 'examples of the pages' 'they are run by the plain build'
    tap_done
    ;;
esac
# Examples are about the program, not about one level of it.
unset REAP_CPU
REAP=$(realpath "${REAP:-build/reap}")
tools=$(realpath "${B:-build}/tests/tools")
root=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin" "$tmp/given"
ln -s "$REAP" "$tmp/bin/reap"
export REAP PATH="$tmp/bin:$PATH"

# What pages take for granted: photos/, weights, labels.tsv, truth.tsv.
given() (
    cd "$tmp/given" || exit
    kind=0
    for k in bird cat dog; do
        mkdir -p "photos/${k}s"
        "$tools/draw_pictures" "photos/${k}s" "$k" 10 "$kind" 1 || exit
        kind=$((kind + 1))
        for i in 0 1 2 3 4 5 6 7 8 9; do
            printf '%ss/%s-00%s.png\t%ss\n' "$k" "$k" "$i" "$k"
        done
    done >all.tsv
    cp photos/cats/cat-000.png cat.png
    awk 'NR % 3 == 0' all.tsv >truth.tsv
    # two labels are wrong, as happens
    awk 'NR % 3' all.tsv | sed '3s/birds$/dogs/; 12s/cats$/birds/' >labels.tsv
    rm all.tsv
    # What folders of users hold, too: names with ends of lines and signs of
    # other programs, and a file that is cut short.
    cp photos/cats/cat-001.png "photos/cats/cat$(printf '\342\200\250')001.png"
    cp photos/cats/cat-002.png "photos/cats/cat
002.png"
    cp photos/dogs/dog-001.png 'photos/dogs/=1+1, \x41 "NA".png'
    head -c 9000 photos/birds/bird-001.png >photos/birds/cut.png
    "$tools/make_weights" torchvision/resnet18 1 resnet50.safetensors
)
# What python.md promises of the names it read: each is a file's, in order.
names_are_files() {
    cat <<'PY'
import os
files = sorted(os.path.relpath(os.path.join(d, f), b"photos")
               for d, _, names in os.walk(b"photos") for f in names)
assert [key_bytes(k) for k in keys] == [f for f in files if f != b"birds/cut.png"]
assert [key_bytes(f[0]) for f in failed] == [b"birds/cut.png"], failed
with open("labels.csv", encoding="utf-8", newline="") as f:
    assert [key_bytes(r["key"]) for r in csv.DictReader(f)] == files
assert [key_bytes(r["key"]) for r in rows] == files
PY
}
blocks() { # PAGE WORDS: lines of the fenced blocks whose mark is WORDS
    awk -v want="$2" '
        /^```/ { on = !on && substr($0, 4) == want; next }
        on' "$1"
}
marks() { # the marks of a page's blocks
    awk '/^```/ { if (!in_block) print substr($0, 4); in_block = !in_block }' "$1"
}
can() { # are blocks with this mark run here?
    case $1 in
    sh) ;;
    'sh avx2') grep -qw avx2 /proc/cpuinfo ;;
    *) false ;;
    esac
}
# The marks of shell blocks of a page that are (or are not) run here.
shell_marks() { # PAGE run|look
    marks "$1" | grep '^sh' | sort -u | while read -r m; do
        if can "$m"; then [ "$2" != run ]; else [ "$2" != look ]; fi || echo "$m"
    done
}
script() { # PAGE: all that is run, in the order of the page
    awk -v marks="$(shell_marks "$1" run)" '
        BEGIN { n = split(marks, m, "\n"); for (i = 1; i <= n; i++) run[m[i]] = 1 }
        /^```/ { on = !on && !in_block && substr($0, 4) in run
                 in_block = !in_block; next }
        on' "$1"
}
# OPTION(field, "name", letter, TYPE, "ARG", "commands", "what it does")
takes() { # COMMAND OPTION: has the command this option?
    awk -F'"' -v c="$1" -v o="$2" -v q="'" '
        /^OPTION\(/ && (o == "--" $2 || index($3, q substr(o, 2) q)) &&
            index(" * " $6 " ", $6 == "*" ? "*" : " " c " ") { found = 1 }
        END { exit !found }' jobs/cli/options.def
}
known=$(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def; echo help)
# stdin: shell; out: what of it reap does not know. Lines with a backslash at
# their end go on; 'reap' may stand behind mpirun or srun.
unknown() {
    sed -e ':a' -e '/\\$/N' -e 's/\\\n//' -e 'ta' |
        sed -n 's/^\(.*[^-a-z\/.]\)\{0,1\}reap \([a-z].*\)/\2/p' |
        sed 's/[;&|#].*//' | while read -r command rest; do
        for w in -- "$command" $rest; do
            case $w in
            --) command=; continue ;; # of submit: what follows is a command
            esac
            case $command:$w in
            :*)
                command=$w
                echo "$known" | grep -qx -- "$w" || echo "reap $w"
                ;;
            *:-*) takes "$command" "${w%%=*}" || echo "reap $command $w" ;;
            esac
        done
    done
}
# stdin: shell; out: targets that the Makefile does not have.
targets() {
    sed 's/#.*//' | grep -oE '\bmake [a-z-]+' | while read -r _ t; do
        grep -qE "^$t( [a-z -]*)?:" Makefile || echo "make $t"
    done
}
text() { # running text of a page: all but its blocks
    awk '/^```/ { in_block = !in_block; next } !in_block' "$1"
}
options=$(sed -n 's/^OPTION([a-z0-9_]*, "\([a-z0-9-]*\)".*/\1/p' jobs/cli/options.def)
others='version help mca map-by bind-to mpi cpus-per-task' # mpirun's, srun's

given
ok $? 'images, labels and weights for the examples are made'
pages=$(ls README.md CONTRIBUTING.md SECURITY.md NEWS.md docs/*.md)

verdict 'every block says what it is' "$(for p in $pages; do
    marks "$p" | grep -vxE \
        'sh|sh (avx2|network|cluster|build|bench)|python|text|c' | sed "s|^|$p: |"
done)"
verdict 'links lead to files of the tree' "$(for p in $pages; do
    grep -oE '\]\([^)#]*' "$p" | sed 's/^](//' | grep -v '^http' | while read -r f; do
        [ -e "$(dirname "$p")/$f" ] || echo "$p: $f"
    done
done)"
verdict 'files that the text names are there' "$(for p in $pages; do
    text "$p" | grep -oE '`(engine|io|pipeline|cluster|jobs|tests|docs)/[a-z0-9_./*-]*`' |
        tr -d '`' | sort -u | while read -r f; do
        set -- $f
        # a module's name stands for its files
        [ -e "$1" ] || [ -e "$f.h" ] || [ -e "$f.c" ] || echo "$p: $f"
    done
done)"
verdict 'options in the text are options' "$(for p in $pages; do
    text "$p" | grep -oE '`[^`]*`' | grep -oE -- '(^|[ `])--[a-z0-9-]+' |
        tr -d ' `' | sed 's/^--//' | sort -u | while read -r w; do
        echo "$options $others" | tr ' ' '\n' | grep -qx -- "$w" || echo "$p: --$w"
    done
done)"
verdict 'commands in the text are commands' "$(for p in $pages; do
    text "$p" | grep -oE '`reap [^`]*`' | tr -d '`' | unknown | sed "s|^|$p: |"
done)"
verdict 'make targets are there' "$(for p in $pages; do
    { shell_marks "$p" look | while read -r m; do blocks "$p" "$m"; done
      text "$p" | grep -oE '`make [^`]*`'; } | targets | sed "s|^|$p: |"
done)"
verdict 'examples that are not run here name what there is' "$(for p in $pages; do
    shell_marks "$p" look | while read -r m; do
        blocks "$p" "$m" | unknown | sed "s|^|$p: |"
        blocks "$p" "$m" >"$tmp/block"
        bash -n "$tmp/block" 2>&1 | sed "s|^|$p: |"
    done
done)"

tap_logs=$tmp/log
for p in $pages; do
    script "$p" >"$tmp/script"
    [ -s "$tmp/script" ] || continue
    dir=$tmp/$(basename "$p" .md)
    cp -r "$tmp/given" "$dir"
    (cd "$dir" && REAP_CACHE=$tmp/cache sh -eux "$tmp/script" >"$tmp/log" 2>&1)
    ok $? "$p: $(grep -c '\breap ' "$tmp/script") commands run"
    blocks "$p" python >"$tmp/py"
    [ -s "$tmp/py" ] || continue
    names_are_files >>"$tmp/py"
    python=${REAP_PYTHON:-python3}
    if "$python" -c 'import numpy' 2>/dev/null; then
        (cd "$dir" && "$python" "$tmp/py" >"$tmp/log" 2>&1)
        ok $? "$p: its Python runs"
    else
        skip "$p: its Python runs" "no Python with numpy: set REAP_PYTHON"
    fi
    rm -rf "$dir"
done
cd "$root" && tap_done
