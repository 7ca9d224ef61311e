#!/bin/sh
# reap import and info as a person meets them: exit codes, messages, an import
# that is killed and goes on, two at a time.
REAP=${REAP:-build/reap} 
. tests/lib.sh
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
fails() { # exit status, pattern on stderr, reap's arguments
    want=$1 pattern=$2
    shift 2
    "$REAP" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$want" ] && grep -q -- "$pattern" "$dir/err"
    ok $? "exit $got of $want: $(tail -1 "$dir/err")"
}
has() { # a field of --json and its value, in the last output
    grep -q "\"$1\":$2[,}]" "$dir/out"
    ok $? "$1 is $2"
}
mkdir "$dir/in" "$dir/in/sub" "$dir/void"
i=0
while [ $i -lt 300 ]; do
    head -c 30000 /dev/urandom >"$dir/in/sub/$i.jpg"
    i=$((i + 1))
done
echo text >"$dir/in/notes.txt"

fails 64 'SRC is needed' import -o "$dir/set"
fails 64 '-o DATASET is needed' import "$dir/in"
fails 66 'No such file' import "$dir/none" -o "$dir/set"
fails 66 'nothing to import' import "$dir/void" -o "$dir/set"
[ ! -e "$dir/set" ]
ok $? 'what failed leaves nothing behind'
fails 73 'choose another -o' import "$dir/in" -o "$dir/in/sub"
fails 73 'cannot make' import "$dir/in" -o "$dir/none/set"

# A kill at several moments; the same command goes on each time.
for ms in 02 05 1 2; do
    "$REAP" import "$dir/in" -o "$dir/set" --threads 2 >/dev/null 2>&1 &
    pid=$!
    sleep "0.$ms"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
"$REAP" import "$dir/in" -o "$dir/set" --json >"$dir/out" 2>"$dir/err"
ok $? 'after four kills it is completed'
has total 300
has not_images 1
has not_taken 0
"$REAP" import "$dir/in" -o "$dir/set" --json >"$dir/out"
has records 0
has same 300
"$REAP" info "$dir/set" --json >"$dir/out"
has records 300
has indexed 300
has health '"good, by 64 samples"'
has layout '"encoded"'
"$REAP" info "$dir/set" | grep -q '^records *300$'
ok $? 'info for people'
fails 64 'about stores' info "$dir/set" --complete

# The lock is that of flock(1), held here in place of another import.
if command -v flock >/dev/null; then
    exec 9>"$dir/set/import.lock"
    flock 9
    fails 73 'another import' import "$dir/in" -o "$dir/set"
    exec 9>&-
else
    n=$((n + 1))
    echo "ok $n # skip flock(1) is not installed"
fi

# A file size limit stands for a full disk.
(
    ulimit -f 4000
    trap '' XFSZ
    "$REAP" import "$dir/in" -o "$dir/full" >/dev/null 2>"$dir/err"
    [ $? = 74 ]
)
ok $? "no room: exit 74: $(head -1 "$dir/err")"
"$REAP" import "$dir/in" -o "$dir/full" --json >"$dir/out" 2>&1
ok $? 'with room the same command goes on'
has total 300

mkfifo "$dir/list"
"$REAP" import "$dir/in" "$dir/list" -o "$dir/term" >"$dir/out" 2>"$dir/err"
[ $? = 66 ]
ok $? "a pipe is no list: $(head -1 "$dir/err")"

cp -r "$dir/set" "$dir/cut"
truncate -s 2000000 "$dir/cut/data.mdb"
fails 66 'cut' info "$dir/cut"
echo x >>"$dir/in/sub/7.jpg"
ln -s nowhere "$dir/in/sub/broken.png"
fails 66 'broken.png: No such file' import "$dir/in" -o "$dir/set" --json
has changed 1
has not_taken 1
mkdir "$dir/old" "$dir/new"
echo one >"$dir/old/x.jpg"
echo other >"$dir/new/x.jpg"
tar cf "$dir/twice.tar" -C "$dir/old" x.jpg
tar rf "$dir/twice.tar" -C "$dir/new" x.jpg
fails 64 "twice.tar holds two different files with the key 'x.jpg'" \
    import "$dir/twice.tar" -o "$dir/twiceset"
tap_done
