#!/bin/sh
# Long things are hard to read: no file over 600 lines, no function over 80.
# A function's braces stand alone in the first column; 'make format' sees to it.
. tests/lib.sh
files=$(find engine io pipeline cluster jobs tests Makefile -name '*.[ch]' \
    -o -name '*.sh' -o -name '*.t' -o -name Makefile)
# shellcheck disable=SC2086
verdict 'no file has more than 600 lines' \
    "$(awk 'FNR == 601 { print FILENAME }' $files)"
# shellcheck disable=SC2086
verdict 'no function has more than 80 lines' "$(awk '
    /^[a-z].*\(/ { name = $0 }
    $0 == "{" { from = FNR }
    $0 == "}" && from && FNR - from > 79 {
        print FILENAME ":" from ": " FNR - from + 1 " lines: " name }
    $0 == "}" { from = 0 }' $(echo "$files" | grep '\.c$'))"
tap_done
