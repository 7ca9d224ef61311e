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
verdict 'every option stands once' \
    "$(echo "$options" | cut -d' ' -f1 | sort | uniq -d)"
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
