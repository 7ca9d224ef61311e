#!/bin/sh
# Each command has a page that tells every option 'reap help' tells, and pages
# speak of no option that does not exist.
B=${B:-build} REAP=${REAP:-build/reap} 
. tests/lib.sh
words() { # long options in a text, one a line
    grep -oE -- '--[a-z][a-z0-9-]+' | sort -u
}
listed() { # those that a help lists
    sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p'
}
plain() { sed 's/\\-/-/g; s/\\f[A-Z]//g; s/\\&//g' "$1"; }
known=$(sed -n 's/^OPTION([a-z0-9_]*, "\([^"]*\)".*/--\1/p' jobs/cli/options.def)

for c in $(sed -n 's/^COMMAND(\([a-z_]*\),.*/\1/p' jobs/cli/commands.def); do
    page=$B/man/reap-$c.1
    if [ ! -f "$page" ]; then
        verdict "$c has a page" "no $page; jobs/man/$c.man is where it is written"
        continue
    fi
    verdict "$page tells what reap help $c tells" \
        "$("$REAP" help "$c" | listed | while read -r o; do
            plain "$page" | grep -q -- "^.B .*$o\( \|$\)" || echo "$o"
        done)"
    verdict "$page has an example of $c" \
        "$(plain "$page" | sed -n '/^.SH EXAMPLES/,/^.fi/p' |
            grep -q "reap $c " || echo "none")"
done
verdict 'pages name options that exist' \
    "$(for f in jobs/man/*.man; do
        plain "$f" | words | while read -r o; do
            echo "$known" | grep -qx -- "$o" || echo "$f: $o"
        done
    done)"
if command -v groff >/dev/null; then
    verdict 'pages format without a warning' \
        "$(groff -man -ww -z "$B"/man/*.1 2>&1 | head)"
else
    n=$((n + 1))
    echo "ok $n # skip groff is not installed"
fi
tap_done
