#!/bin/sh
# A folder of odd and broken images is a dataset of image files, with import's
# index and without it, and its records are the files.
REAP=${REAP:-build/reap} 
. tests/lib.sh
files=tests/golden/sample/images
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
count=$(find "$files" -type f | wc -l)
"$REAP" import --all "$files" -o "$dir/set" >/dev/null
ok $? "all $count files are imported"
"$REAP" info "$dir/set" --json >"$dir/out"
grep -q "\"records\":$count,\"layout\":\"encoded\"" "$dir/out"
ok $? 'a record each, layout encoded'
rm "$dir/set/index.mdb"
"$REAP" info "$dir/set" --json >"$dir/out"
grep -q "\"records\":$count,\"layout\":\"encoded\",\"id\":\"digest:" "$dir/out"
ok $? 'without the index: found by looking, another identity'
"$REAP" info "$dir/set" | grep -q '^index *none'
ok $? 'and that is told'
tap_done
