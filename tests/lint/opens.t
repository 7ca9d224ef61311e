#!/bin/sh
# Files are opened to be written in one place, io/out/create.c: it follows no
# link, and takes regular files only. LMDB opens its own where that was asked.
. tests/lib.sh
# calls with their arguments on one line, as clang-format may wrap them
calls() { # pattern of a call, its name alone
    for f in $(find engine io pipeline cluster jobs -name '*.c' ! -path io/out/create.c); do
        awk -v f="$f" '{ text = text " " $0 } END { print f ": " text }' "$f" |
            grep -oE "^[^:]*:|[^a-z_]$1" | awk -v f="$f" 'NR > 1 { print f ":" $0 }'
    done
}
verdict 'only io/out/create.c opens files to write' "$(
    calls 'open(at)?\([^;]*;' | grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)' |
        grep -v '"/dev/null"'
    calls 'f(re)?open\([^;]*;' | grep -E '"[rwa]b?\+|"[wa]'
    calls '(creat|mkstemps?|mkostemps?|tmpfile|tmpnam|tempnam)\(')"
# what a table of roots says: who may let LMDB open a file to write
verdict 'LMDB opens files where reap_create_may() or reap_create_own() was asked' "$(
    for f in $(grep -rl 'mdb_env_open(' --include='*.c' engine io pipeline cluster jobs); do
        grep -qE 'reap_create_(may|own)\(' "$f" || echo "$f"
    done)"
verdict 'nothing is renamed or cut by name but in the store lock' "$(
    calls '(rename|truncate)\([^;]*;' |
        grep -vE '^io/(store/store_lock|store/store|import/import_env)\.c:')"
tap_done
