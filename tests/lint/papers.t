#!/bin/sh
# What docs/design.md and docs/development.md list is what the tables of the
# code hold: names, numbers, sizes. Order and wording are theirs.
# Backticks are those of the pages.
# shellcheck disable=SC2016,SC2018,SC2019,SC2086
. tests/lib.sh
design=docs/design.md
both() { # title, names in the code, names in the paper
    a=$(echo "$2" | sort -u) b=$(echo "$3" | sort -u)
    [ -n "$a" ] && [ "$a" = "$b" ]
    ok $? "$1"
    [ "$a" = "$b" ] || printf '%s\n' "in the code: $a" "in the paper: $b" |
        tr '\n' ' ' | sed 's/^/# /; s/in the paper/\n# &/; s/$/\n/'
}
# First cells of a table's rows in a section, what stands in backticks. A
# section ends at the next heading.
cells() { # PAGE HEADING
    awk -v h="$2" '/^#/ { on = index($0, h) } on && /^\| `/' "$1" |
        cut -d'|' -f2 | grep -oE '`[^`]*`' | tr -d '`'
}
rows() { # FILE MACRO: name, number (a column, or the row's place from 0)
    sed -n "s/^$2(\([A-Za-z0-9_]*\), *\([0-9]*\).*/\1 \2/p" "$1"
}
numbered() { # PAGE HEADING: "name number" of rows whose second cell is a number
    awk -F'|' -v h="$2" '/^#/ { on = index($0, h) }
        on && $3 ~ /^ [0-9]+ $/ { gsub(/[` ]/, "", $2); print $2, $3 + 0 }' "$1"
}
both 'statuses and flags with their numbers' \
    "$(rows io/file/status.def STATUS | awk '{ print $1, NR - 1 }'
       rows io/file/flags.def FLAG)" \
    "$(numbered $design 'Status and flags')"
both 'presets' "$(sed -n 's/^PRESET("\([^"]*\)".*/\1/p' io/preset/presets.def)" \
    "$(cells $design '6. Pixels')"
# PRESET(name, resize, height, width, crop, corner, filter, ...)
verdict 'presets resize and crop as the code does' \
    "$(sed -n 's/^PRESET("\([^"]*\)", *\([A-Z]*\), *\([0-9]*\), *[0-9]*, *\([0-9]*\), *[A-Z]*, *\([A-Z_]*\),.*/\1 \2 \3 \4 \5/p' \
        io/preset/presets.def | tr A-Z_ 'a-z ' | while read -r name how size crop filter; do
        row=$(grep -F "\`$name\`" $design | grep '^|')
        [ "$crop" != 0 ] || crop=$size
        for word in "$how $size" "$crop" "${filter#tf }"; do
            echo "$row" | grep -qF -- "$word" || echo "$name: $word"
        done
    done)"
both 'arithmetic classes' \
    "$(sed -n 's/^ARITH([A-Z0-9]*, *[a-z0-9]*, *"\([^"]*\)", *"\([^"]*\)").*/\1 \2/p' \
        engine/plan/arithmetic.def | tr ' ' '\n')" \
    "$(awk '/^\*\*Arithmetic class/ { on = 1 } /^\*\*Fingerprint/ { on = 0 }
            on && /^\| `/' $design | cut -d'|' -f2 | grep -oE '`[^`]*`' | tr -d '`')"
both 'databases of a store' \
    "$(sed -n '/db_name\[REAP_N_DBS\]/,/};/p' io/store/store.c |
        grep -oE '"[a-z]+"' | tr -d '"')" \
    "$(cells $design '8. The store on disk')"
both 'sizes of the parts of a block' \
    "$(sed -n 's/^ *REAP_BLOCK_\([A-Z]*\) = \([0-9]\{1,3\}\),*$/\1 \2/p' \
        io/store/block_impl.h | tr A-Z a-z | sed 's/^column /columns /; s/^row /rows /')" \
    "$(awk -F'|' '/^#/ { on = index($0, "A block") }
        on && $3 ~ /^ [0-9]+ / { gsub(/ /, "", $2); print $2, $3 + 0 }' $design)"
verdict 'lines of a fingerprint' \
    "$(sed -n 's/^LINE([a-z0-9_]*, "\(--[a-z0-9-]*\)").*/\1/p' io/store/fingerprint.def |
        grep -E -- '--(max|on|form|or|dep|al|label)' | while read -r o; do
        sed -n '/^\*\*Fingerprint/,/^$/p' $design | grep -qF -- "\`$o\`" || echo "$o"
    done)"
commands=$(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def)
both 'commands' "$commands" \
    "$(awk '/^#/ { on = index($0, "3. Commands") } on && /^\| `/' $design |
        cut -d'|' -f2 | grep -oE '`[a-z]+' | tr -d '`')"
verdict 'formats of exports' \
    "$(sed -n 's/^EXPORTER(\([a-z]*\),.*/\1/p' io/export/exporters.def | while read -r e; do
        for p in $design docs/embed.md; do
            grep -qE "\`(F\.|-o F\.)?$e\`" $p || echo "$p: $e"
        done
    done)"
both 'levels of the CPU' \
    "$(sed -n 's/^ *{ "\([a-z0-9]*\)", *\(REAP_CPU_[A-Z0-9]*\|0\) },*$/\1/p' engine/base/cpu.c)" \
    "$(grep '^| level ' $design | grep -oE '`[^`]*`' | tr -d '`')"
verdict 'tables (*.def) that a developer adds to are told of' \
    "$(find engine io pipeline cluster jobs -name '*.def' | while read -r f; do
        case $f in
        # lists of what others made, or parts of a table that is told of
        */imagenet_classes.def | */netfs.def | */pickle_globals.def | \
            */reserved.def | */reasons.def | */codes.def | */info.def | \
            */stages.def | */resample.def) ;;
        *) grep -qF "$f" docs/development.md || echo "$f" ;;
        esac
    done)"
tap_done
