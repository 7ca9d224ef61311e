#!/bin/sh
# What all commands have in common: help, and one line for a usage error.
REAP=${REAP:-build/reap} 
. tests/lib.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fails() { # exit status, pattern of the one line, reap's arguments
    want=$1 pattern=$2
    shift 2
    "$REAP" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$want" ] && [ "$(wc -l <"$dir/err")" = 1 ] &&
        grep -q -- "$pattern" "$dir/err"
    ok $? "reap $* exits $want: $(head -1 "$dir/err")"
}
for c in $(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def); do
    "$REAP" help "$c" | grep -q "^usage: reap $c "
    ok $? "reap help $c"
    "$REAP" "$c" --help | grep -q "^usage: reap $c "
    ok $? "reap $c --help"
    fails 64 'no option --no-such-option' "$c" --no-such-option
    fails 64 'was --json meant' "$c" --jsno
    fails 64 'a value is needed' "$c" --job
    fails 66 "$dir/none" "$c" --job "$dir/none"
done
"$REAP" help >"$dir/out"
ok $? 'reap help exits 0'
"$REAP" >"$dir/out" 2>"$dir/err"
[ $? = 64 ] && grep -q '^usage' "$dir/err"
ok $? 'reap alone is a usage error that shows how'
fails 64 "no command 'nonsense'" nonsense
fails 66 "^reap classify: $dir/no.jpg: No such file" classify "$dir/no.jpg" \
    -w none
fails 64 'one DATASET is needed' extract -w none
printf '# a comment\njson\nno-such 1\n' >"$dir/job"
fails 64 "no option 'no-such'" info --job "$dir/job" x
fails 64 'a whole number' summary --classes x
fails 64 'at least 1' summary resnet50 --classes 0
"$REAP" info "$(printf 'a\033\nb')" 2>"$dir/err"
[ "$(wc -l <"$dir/err")" = 1 ] && grep -qF 'a\x1b\x0ab: No such' "$dir/err"
ok $? 'a name with control bytes is one harmless line'
# Ranks share a terminal: a line in pieces would be mixed with another's. Each
# write to a datagram socket is one message.
pieces=$(perl -MSocket -e '
    socketpair my $in, my $out, AF_UNIX, SOCK_DGRAM, PF_UNSPEC or die;
    open STDERR, ">&", $out or die;
    system @ARGV;
    send $out, "", 0;
    $n++ while defined recv($in, $_, 9999, 0) && length;
    print $n;
    ' "$REAP" info "$(printf 'a\nb')")
[ "$pieces" = 1 ]
ok $? "an error is written at once: $pieces"
for c in $(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def); do
    [ "$("$REAP" help "$c" | sed 1d | wc -L)" -le 80 ]
    ok $? "reap help $c fits 80 columns"
done
"$REAP" help info >/dev/full 2>"$dir/err"
[ $? = 74 ]
ok $? 'output that cannot be written is exit 74'
tap_done
