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
    "$REAP" help "$c" >"$dir/help" && grep -q "^usage: reap $c " "$dir/help"
    ok $? "reap help $c"
    # An introduction below the usage, examples of the command at the end.
    sed -n 3p "$dir/help" | grep -q '^[A-Z].* ' &&
        sed '1,/^Examples$/d' "$dir/help" | grep -q "^  \(mpirun .*\)\{0,1\}reap $c\( \|$\)"
    ok $? "it begins with a sentence and ends with examples"
    verdict 'headings stand over options of theirs' \
        "$(grep -n '^[A-Z]' "$dir/help" | sed '1,2d' | cut -d: -f2 | sort | uniq -d)"
    "$REAP" "$c" --help | cmp -s - "$dir/help"
    ok $? "reap $c --help says the same"
    "$REAP" "$c" more words -qh | cmp -s - "$dir/help"
    ok $? "so does reap $c with -h among other words"
    fails 64 'no option --no-such-option' "$c" --no-such-option
    fails 64 'did you mean --json' "$c" --jsno
    fails 64 'did you mean --quiet' "$c" --quie
    fails 64 'did you mean --job' "$c" --jo "$dir/none"
    fails 64 '--quiet takes no value' "$c" --quiet=1
    fails 64 'a value is needed' "$c" --job
    fails 66 "$dir/none" "$c" --job "$dir/none"
done
for way in help --help -h; do
    "$REAP" "$way" >"$dir/out" && grep -q '^  extract ' "$dir/out" &&
        grep -q '^Examples' "$dir/out"
    ok $? "reap $way lists the commands and exits 0"
done
version=$(sed -n 's/^#define REAP_VERSION "\(.*\)"/\1/p' engine/base/version.h)
[ "$("$REAP" --version)" = "reap $version" ]
ok $? "reap --version: $version"
for c in models presets; do
    "$REAP" help $c >"$dir/out" && [ "$(wc -l <"$dir/out")" -gt 10 ]
    ok $? "reap help $c"
done
"$REAP" >"$dir/out" 2>"$dir/err"
[ $? = 64 ] && grep -q '^usage' "$dir/err" && [ ! -s "$dir/out" ]
ok $? 'reap alone is a usage error that shows how'
fails 64 "no command 'nonsense'; reap help" nonsense
fails 64 "no command 'nonsense'; reap help" help nonsense
for typo in 'extrat extract' 'exctract extract' 'Export export' 'calssify classify' \
    'sumary summary' 'hlep help' 'imp import'; do
    fails 64 "did you mean ${typo#* }?" "${typo% *}" set
    fails 64 "did you mean ${typo#* }?" help "${typo% *}"
done
fails 64 'did you mean resnet50v2?' summary resnet50-v2
fails 64 'did you mean torchvision/resnet50?' summary --model torchvison/resnet50
fails 64 'there are resnet50 resnet101' summary vgg16
fails 64 'did you mean torchvision-v1?' show "$REAP" --preset torchvison-v1
fails 64 'did you mean white?' show "$REAP" --alpha whit
fails 64 '--lr is an option of fit and tune, not of extract' extract --lr=1
fails 64 'did you mean --limit?' extract set -o x --limt=5
# The start of a name may become the start of two: it is refused from the first.
fails 64 'did you mean --limit?' extract set -o x --limi 5
fails 64 'did you mean --head?' classify set --json -qo x --hea=knn:a:3
# What help says of an option is true of the command.
"$REAP" help tune | grep -A1 -e --lr | grep -q 0.00001
ok $? 'help tune gives its own rate'
for c in tune; do
    ! "$REAP" help $c | grep -qE 'knn:|none.imagenet|random weights'
    ok $? "help $c offers nothing that $c refuses"
done
fails 66 "^reap classify: $dir/no.jpg: No such file" classify "$dir/no.jpg" \
    -w none
fails 64 'one DATASET is needed' extract -w none
printf '# a comment\njson\nno-such 1\n' >"$dir/job"
fails 64 "no option --no-such" info --job "$dir/job" x
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
    [ "$("$REAP" help "$c" | sed 1d | wc -L)" -lt 80 ]
    ok $? "reap help $c fits 80 columns"
done
[ "$("$REAP" help | wc -L)" -lt 80 ]
ok $? 'reap help fits 80 columns'
"$REAP" help info >/dev/full 2>"$dir/err"
[ $? = 74 ]
ok $? 'output that cannot be written is exit 74'
tap_done
