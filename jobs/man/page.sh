#!/bin/sh
# page.sh reap|COMMAND - print a manual page
#
# The body, NAME.man, is written by hand. What the program knows better is
# taken from its tables: summary, arguments, options, exit statuses. REAP is
# the program.
set -eu
cd "$(dirname "$0")/../.."
reap=${REAP:-build/reap}
name=$1
body=jobs/man/$name.man
[ -f "$body" ] || { echo "page.sh: no $body" >&2; exit 66; }

roff() { # text to roff: backslashes, hyphens, a leading dot or quote
    sed 's/\\/\\e/g; s/-/\\-/g; s/^[.'\'']/\\\&&/'
}
heading() {
    title=reap
    [ "$name" = reap ] || title=reap-$name
    printf '.TH %s 1 "" reap "reap manual"\n.SH NAME\n%s \\- ' \
        "$(echo "$title" | tr a-z A-Z)" "$(echo "$title" | roff)"
}
options() { # the rows of options.def that the command takes, as a list
    roff <jobs/cli/options.def | awk -F'"' -v command="$name" '
        /^OPTION\(/ && (" " $6 " " ~ " " command " " || $6 == "*") {
            letter = match($3, /\047[a-z]\047/) ? \
                "\\-" substr($3, RSTART + 1, 1) ", " : ""
            print ".TP\n.B " letter "\\-\\-" $2 ($4 == "" ? "" : " " $4) "\n" $8
        }'
}
exits() {
    echo '.SH EXIT STATUS'
    printf '.TP\n.B 0\ncomplete\n'
    sed -n 's/^CODE([A-Z]*, *-[0-9]*, *\([0-9]*\), "\(.*\)").*/\1 \2/p' \
        engine/base/codes.def | sort -n | roff | awk '
        { status = $1; sub(/^[0-9]+ /, "") }
        status == last { print "or " $0; next }
        { last = status; print ".TP\n.B " status "\n" $0 }'
}

heading
if [ "$name" = reap ]; then
    echo 'ResNet embeddings and labels of large image datasets'
    printf '.SH SYNOPSIS\n.B reap\n.I COMMAND\n[options]\n'
    cat "$body"
    echo '.SH COMMANDS'
    sed -n 's/^COMMAND(\([a-z_]*\), *"\(.*\)", *"\(.*\)").*/\1\t\2\t\3/p' \
        jobs/cli/commands.def | roff |
        awk -F'\t' '{ print ".TP\n.B " $1 "\n" $3 " (see \\fBreap\\-" $1 "\\fR(1))" }'
    exits
else
    "$reap" help "$name" | sed -n '2s/^ *//p' | roff
    printf '.SH SYNOPSIS\n.B '
    "$reap" help "$name" | sed -n '1s/^usage: //p' | roff
    cat "$body"
    echo '.SH OPTIONS'
    options
    exits
    printf '.SH SEE ALSO\n.BR reap (1)\n'
fi
