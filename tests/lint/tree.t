#!/bin/sh
# The folder listing is the architecture: it stays small, each folder says what
# it is, a file name is learned once, and nothing names one person's machine.
. tests/lib.sh
layers='engine io pipeline cluster jobs'
allowed='engine|io|pipeline|cluster|jobs|tests|docs|python|Makefile|LICENSE|README\.md'
allowed="$allowed|CONTRIBUTING\.md|NEWS\.md|SECURITY\.md|CITATION\.cff"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    files=$(git ls-files)
else
    files=$(find $layers tests docs $(ls -d python 2>/dev/null) Makefile README.md LICENSE .ci ./*.md ./*.cff -type f |
        sed 's|^\./||' | sort -u)
fi
verdict "the top level is $(echo "$allowed" | tr -d '\\' | tr '|' ' '), and dotfiles" \
    "$(echo "$files" | cut -d/ -f1 | sort -u | grep -vE "^($allowed|\..*)$")"
# A level's folder under kern/ is told of in kern/README.md.
# tests/README.md speaks for the folders of tests.
verdict 'every folder has a README.md' \
    "$(find $layers tests -type d ! -path 'tests/*' ! -path '*/kern/*' | while read -r d; do
        [ -f "$d/README.md" ] || echo "$d"
    done)"
verdict 'file names are unique' \
    "$(echo "$files" | grep -E "^($(echo $layers | tr ' ' '|'))/" | sed 's|.*/||' |
        grep -v '^README.md$' | sort | uniq -d)"
verdict 'no absolute path of one machine' \
    "$(echo "$files" | xargs grep -nIE '(^|[^A-Za-z0-9_.])/(root|work|home/[a-z]+)/' |
        cut -c1-120)"
verdict 'nothing is left to be done later' \
    "$(echo "$files" | grep -v '^tests/lint/' |
        xargs grep -nIE '\b(TODO|FIXME|XXX)\b' | cut -c1-120)"
verdict 'no file is over a megabyte' \
    "$(echo "$files" | xargs -r ls -l | awk '$5 > 1048576 { print $NF }')"
tap_done
