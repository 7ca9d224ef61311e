#!/bin/sh
# A row and the code it stands for come together: commands and their files,
# options and the commands that take them, packages and the build.
. tests/lib.sh
commands=$(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def)
verdict 'every command has a file' "$(for c in $commands; do
    [ -f "$(echo jobs/*/cmd_"$c".c)" ] || echo "$c: no jobs/*/cmd_$c.c"
done)"
verdict 'every command file has a row' "$(for f in jobs/*/cmd_*.c; do
    c=${f##*/cmd_} c=${c%.c}
    echo "$commands" | grep -qx "$c" || echo "$f"
done)"
# OPTION(field, "name", letter, TYPE, "ARG", "commands", "what it does")
options=$(awk -F'"' '/^OPTION\(/ { print $2, $6 }' jobs/cli/options.def)
verdict 'options name commands of the table' "$(echo "$options" |
    while read -r name list; do
        set -f # '*' stands for all of them
        for c in $list; do
            [ "$c" = '*' ] || echo "$commands" | grep -qx -- "$c" ||
                echo "--$name: $c"
        done
    done)"
verdict 'a row of options.def is one line of its form' \
    "$(sed -n '/^HEADING("/,$p' jobs/cli/options.def | grep -nvE \
        -e '^$|^#undef |^HEADING\("[^"]+"\)$' \
        -e "^OPTION\([a-z0-9_]+, \"[a-z0-9-]+\", (0|'[a-z]'), (TEXT|COUNT|FLAG), \"[^\"]*\", \"[^\"]+\", \"[^\"]+\"\)$" \
        -e '^ABOUT\([a-z0-9_]+, "[a-z ]+", "[^"]*", "[^"]+"\)$')"
# It stands below its option and speaks of commands that take it.
verdict 'what options.def says for a command is about an option of it' \
    "$(awk -F'"' '
        { match($1, /[(][a-z0-9_]*/); field = substr($1, RSTART, RLENGTH) }
        /^OPTION\(/ { last = field; list = " " $6 " " }
        /^ABOUT\(/ && field != last { print $0 ": stands below another option" }
        /^ABOUT\(/ { n = split($2, c, " ")
            for (i = 1; i <= n; i++) if (!index(list, " " c[i] " "))
                print last ": not an option of " c[i] }' jobs/cli/options.def)"
verdict 'help.def has an introduction and an example for every command' \
    "$(for c in reap $commands; do
        grep -q "^INTRO($c, " jobs/cli/help.def || echo "$c: no INTRO"
        grep -q "^EXAMPLE($c, " jobs/cli/help.def || echo "$c: no EXAMPLE"
    done)"
verdict 'help.def speaks of commands of the table' \
    "$(sed -n 's/^[A-Z]*(\([a-z]*\), ".*/\1/p' jobs/cli/help.def | sort -u |
        grep -vxE "command|reap|$(echo $commands | tr ' ' '|')")"
verdict 'every option stands once' \
    "$(echo "$options" | cut -d' ' -f1 | sort | uniq -d)"
# A test types it as a word of a command line: in a script, an example of help or
# of a page, or as an argument in C. Tests of what is refused or only offered
# (commands.t, completion.t), and remarks, count for nothing.
{
    cat tests/golden/*.t tests/mpi/*.t tests/mpi/*.sh tests/fault/*.t
    find tests/unit -name '*.t' ! -name commands.t ! -name completion.t -exec cat {} +
    grep -hoE '"--[a-z0-9-]+"' tests/unit/store_cmds.c tests/unit/verify.c
    sed -n 's/^EXAMPLE([a-z]*, ".*", "\(.*\)")$/\1/p' jobs/cli/help.def
    awk '/^```/ { on = !on && /^```sh( avx2)?$/; next } on' README.md docs/*.md
} | grep -vE '^ *#' | tr -s '\\"= '"'" '\n' | sort -u >"${TMPDIR:-/tmp}/typed.$$"
verdict 'every option is typed by a test' "$(echo "$options" |
    while read -r name list; do
        grep -qx -e "--$name" "${TMPDIR:-/tmp}/typed.$$" || echo "--$name"
    done)"
rm -f "${TMPDIR:-/tmp}/typed.$$"
verdict 'README.md tells the exit codes of codes.def' \
    "$(sed -n 's/^CODE([A-Z]*, *-[0-9]*, *\([0-9]*\), "\(.*\)").*/\1 \2/p' \
        engine/base/codes.def | while read -r status words; do
        grep -q "^| $status | .*$words" README.md || echo "$status $words"
    done)"
verdict 'every library of the Makefile is one that make deps installs' \
    "$(MAKEFLAGS= make -s B="${B:-build}" packages | tr ' ' '\n' | while read -r p; do
        grep -q "^pc $p " jobs/install/deps.sh || echo "$p"
    done)"
tap_done
