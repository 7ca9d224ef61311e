#!/bin/sh
# page.sh reap|COMMAND - print a manual page
#
# The body, NAME.man, is written by hand. What the program knows better is
# taken from its tables: summary, arguments, options, examples, exit statuses.
# REAP is the program.
set -eu
cd "$(dirname "$0")/../.."
reap=${REAP:-build/reap}
name=$1
body=jobs/man/$name.man
[ -f "$body" ] || { echo "page.sh: no $body" >&2; exit 66; }

roff() { # text to roff: backslashes, hyphens, a leading dot or quote
    sed 's/\\/\\e/g; s/-/\\-/g; s/^[.'\'']/\\\&&/'
}
help() { # what reap says of it
    if [ "$name" = reap ]; then "$reap" help; else "$reap" help "$name"; fi
}
heading() {
    title=reap about='ResNet embeddings and labels of large image datasets'
    if [ "$name" != reap ]; then
        title=reap-$name
        # COMMAND(name, "ARGUMENTS", "what it does")
        about=$(awk -F'"' -v c="COMMAND($name, " 'index($0, c) == 1 { print $4 }' \
            jobs/cli/commands.def)
    fi
    printf '.TH %s 1 "" reap "reap manual"\n.SH NAME\n%s \\- %s\n' \
        "$(echo "$title" | tr a-z A-Z)" "$(echo "$title" | roff)" \
        "$(echo "$about" | roff)"
    printf '.SH SYNOPSIS\n.B '
    help | sed -n '1s/^usage: //p' | roff
}
# The rows of options.def that the command takes, below their headings. What
# ABOUT says for this command stands in place of the row's own words.
options() {
    roff <jobs/cli/options.def | awk -F'"' -v command="$name" '
        function takes(list) {
            return list == "*" || index(" " list " ", " " command " ")
        }
        function field() { match($1, /[(][a-z0-9_]*/); return substr($1, RSTART + 1, RLENGTH - 1) }
        function flush() {
            if (option != "")
                print ".TP\n.B " option (arg == "" ? "" : " " arg) "\n" about
            option = ""
        }
        /^HEADING\(/ { flush(); title = $2 }
        /^OPTION\(/ { flush() }
        /^OPTION\(/ && takes($6) {
            if (title != "")
                print ".SS " title
            title = ""
            option = (match($3, /\047[a-z]\047/) ? \
                "\\-" substr($3, RSTART + 1, 1) ", " : "") "\\-\\-" $2
            arg = $4
            about = $8
        }
        /^ABOUT\(/ && option != "" && takes($2) { arg = $4; about = $6 }
        END { flush() }'
}
examples() { # a remark each, and the lines below it as they are typed
    help | sed '1,/^Examples$/d' | sed '/^$/,$d; s/^  //' | roff | awk '
        /^# / { if (on) print ".fi\n.RE"; on = 0; print ".PP\n" substr($0, 3) ":"; next }
        !on { print ".PP\n.RS 4\n.nf"; on = 1 }
        { print }
        END { if (on) print ".fi\n.RE" }'
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
cat "$body"
if [ "$name" = reap ]; then
    echo '.SH COMMANDS'
    sed -n 's/^COMMAND(\([a-z_]*\), *"\(.*\)", *"\(.*\)").*/\1\t\2\t\3/p' \
        jobs/cli/commands.def | roff |
        awk -F'\t' '{ print ".TP\n.B " $1 "\n" $3 " (see \\fBreap\\-" $1 "\\fR(1))" }'
else
    echo '.SH OPTIONS'
    options
fi
echo '.SH EXAMPLES'
examples
exits
[ "$name" = reap ] || printf '.SH SEE ALSO\n.BR reap (1)\n'
