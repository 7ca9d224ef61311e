#!/bin/sh
# What the options of reap import do: labels of archives, columns of lists,
# links, archives that expand, records that go.
. tests/lib.sh
REAP=${REAP:-build/reap}
dir=$(mktemp -d) || exit 1
tap_logs="$dir/log"
trap 'rm -rf "$dir"' EXIT
run() { # expected status, reap's arguments
    want=$1
    shift
    "$REAP" "$@" >"$dir/log" 2>&1
    got=$?
    [ $got = "$want" ] || echo "# $got: reap $*"
    [ $got = "$want" ]
}
photo() { # file, colour
    { printf 'P6\n4 4\n255\n'; head -c 48 /dev/zero | tr '\0' "\\$2"; } >"$1"
}
records() { # dataset
    "$REAP" info "$1" 2>/dev/null | awk '/^records/ { print $2 + 0 }'
}
labels() { # dataset: "key label" lines, by a store of it
    rm -rf "$dir/store"
    "$REAP" extract "$1" -o "$dir/store" --weights none --model torchvision/resnet18 --input-shape 32,32 \
        --formats ppm --threads 1 -q >"$dir/log" 2>&1
    "$REAP" export "$dir/store" -o "$dir/out.csv" -q >>"$dir/log" 2>&1
    tail -n +2 "$dir/out.csv" | cut -d, -f1,4 | tr ',' ' '
    rm -f "$dir"/out.*
}
mkdir "$dir/w" "$dir/two" "$dir/elsewhere"
photo "$dir/w/a.ppm" 101
photo "$dir/w/b.ppm" 102
echo one >"$dir/w/a.txt"
echo two >"$dir/w/b.txt"
echo '{"label": "eins", "meta": {"class": "x"}}' >"$dir/w/a.json"
echo '{"label": "zwei", "meta": {"class": "y"}}' >"$dir/w/b.json"
tar -C "$dir/w" -cf "$dir/w.tar" a.ppm a.txt a.json b.ppm b.txt b.json
run 0 import "$dir/w.tar" -o "$dir/d1" --label-file txt -q
ok $? 'labels from members .txt'
[ "$(labels "$dir/d1" | sort | tr '\n' ';')" = 'a.ppm one;b.ppm two;' ]
ok $? 'each image has its own'
run 0 import "$dir/w.tar" -o "$dir/d2" --label-file json:meta.class -q
ok $? 'labels from a value of .json'
[ "$(labels "$dir/d2" | sort | tr '\n' ';')" = 'a.ppm x;b.ppm y;' ]
ok $? 'each image has its own'
run 64 import "$dir/w.tar" -o "$dir/d3" --label-file xml -q
ok $? 'another kind of label file is refused'

printf 'class,split,file\ncat,train,w/a.ppm\ndog,test,w/b.ppm\n' >"$dir/list.csv"
run 0 import "$dir/list.csv" -o "$dir/d4" --columns file,class -q
ok $? 'a list whose columns are named'
[ "$(labels "$dir/d4" | awk '{ print $2 }' | sort | tr '\n' ';')" = 'cat;dog;' ]
ok $? 'labels are those of the column'
run 64 import "$dir/list.csv" -o "$dir/d5" --columns file,nothing -q || [ $got = 66 ]
ok $? "a column that is not there is refused ($got)"

photo "$dir/elsewhere/far.ppm" 103
photo "$dir/two/near.ppm" 104
ln -s ../elsewhere/far.ppm "$dir/two/link.ppm"
run 66 import "$dir/two" -o "$dir/d6" -q
ok $? 'a link that leads out of its folder ends in 66'
grep -q 'follow-links' "$dir/log" && [ "$(records "$dir/d6")" = 1 ]
ok $? 'it is named with the option, the rest is there'
run 0 import "$dir/two" -o "$dir/d7" --follow-links -q && [ "$(records "$dir/d7")" = 2 ]
ok $? '--follow-links takes it'

mkdir "$dir/big"
head -c 3000000 /dev/zero >"$dir/big/zeros.ppm"
tar -C "$dir/big" -czf "$dir/bomb.tar.gz" zeros.ppm
run 66 import "$dir/bomb.tar.gz" -o "$dir/d8" --max-archive 1M -q
ok $? 'an archive that expands beyond --max-archive ends in 66'
grep -q 'max-archive' "$dir/log"
ok $? 'and is named with the option'
run 0 import "$dir/bomb.tar.gz" -o "$dir/d9" --max-archive 10M -q
ok $? 'with more room it is taken'

run 0 import "$dir/w" -o "$dir/d10" -q && [ "$(records "$dir/d10")" = 2 ]
ok $? 'a folder of two'
rm "$dir/w/a.ppm"
run 0 import "$dir/w" -o "$dir/d10" --sync -q && [ "$(records "$dir/d10")" = 1 ]
ok $? '--sync removes the record of a file that is gone'
run 0 import --delete b.ppm -o "$dir/d10" -q && [ "$(records "$dir/d10")" != 1 ]
ok $? '--delete removes a record by its key'
run 66 import --delete nothing.ppm -o "$dir/d1" -q
ok $? "a key that is not there is named ($got)"
[ "$(records "$dir/d1")" = 2 ]
ok $? 'and nothing is removed'
tap_done
