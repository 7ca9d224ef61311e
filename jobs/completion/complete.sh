#!/bin/sh
# complete.sh bash|zsh|fish - print the completion script of a shell
#
# One list is made of the tables, a line each, with tabs between the fields:
#   command  NAME  ABOUT  WORDS                what may stand behind it
#   option   COMMAND  NAME  LETTER  ARG  ABOUT  WORDS  FILES
# WORDS have blanks between them; FILES is 1 where files are offered. An option
# without a value has no ARG.
set -eu
cd "$(dirname "$0")/../.."
cli=jobs/cli

table() {
    awk -F'"' '
        function trim(text) { gsub(/[(),]| *$/, "", text); return text }
        # the words among alternatives, which are no names of values
        function words(arg,   n, i, a, out) {
            if (arg !~ /[|]/)
                return ""
            sub(/ .*/, "", arg)
            n = split(arg, a, "|")
            for (i = 1; i <= n; i++)
                if (a[i] ~ /^[a-z0-9][a-z0-9-]*$/)
                    out = out (out == "" ? "" : " ") a[i]
            return out
        }
        function files(arg) {
            return arg ~ /FILE|PATH|FOLDER|DATASET|STORE|HEAD|^MODEL$|F[.]npy/
        }
        function takes(list, c) {
            return list == "*" || index(" " list " ", " " c " ")
        }
        function put(c, arg, about,   w) {
            w = name == "model" ? models : name == "preset" ? presets : words(arg)
            line[c, name] = "option\t" c "\t" name "\t" letter "\t" arg "\t" \
                about "\t" w "\t" files(arg)
        }
        /^MODEL\(/ { models = models (models == "" ? "" : " ") $2 }
        /^PRESET\(/ { presets = presets (presets == "" ? "" : " ") $2 }
        /^COMMAND\(/ {
            c = substr($1, 9); c = trim(c)
            command[++n_commands] = c
            w = $2 ~ /^MODEL/ ? models : words($2)
            print "command\t" c "\t" $4 "\t" w
        }
        /^OPTION\(/ {
            name = $2; order[++n_options] = name; list = $6
            letter = match($3, /\047[a-z]\047/) ? substr($3, RSTART + 1, 1) : ""
            for (i = 1; i <= n_commands; i++)
                if (takes(list, command[i])) put(command[i], $4, $8)
        }
        /^ABOUT\(/ {
            for (i = 1; i <= n_commands; i++)
                if (takes($2, command[i])) put(command[i], $4, $6)
        }
        END {
            for (i = 1; i <= n_commands; i++)
                for (j = 1; j <= n_options; j++)
                    if ((command[i], order[j]) in line)
                        print line[command[i], order[j]]
        }' engine/net/models.def io/preset/presets.def "$cli/commands.def" \
        "$cli/options.def"
}

bash_script() {
    cat <<'EOF'
# bash completion for reap; made from its tables of commands and options

EOF
    table | awk -F'\t' '
        $1 == "command" { commands = commands " " $2; after[$2] = $4; next }
        {
            options[$2] = options[$2] " --" $3
            key = $2 " --" $3
            if ($5 == "")
                kind = "flag"
            else
                kind = $8 "\t" $7
            if (!(kind in pattern))
                order[++n_kinds] = kind
            pattern[kind] = pattern[kind] (pattern[kind] == "" ? "" : "|") \
                "\047" key "\047"
            if ($4 != "" && $5 != "")
                pattern[kind] = pattern[kind] "|\047" $2 " -" $4 "\047"
        }
        END {
            n = split(substr(commands, 2), c, " ")
            print "# What may stand behind a command: its options, its words."
            print "_reap_of_command() {\n    case $1 in"
            for (i = 1; i <= n; i++)
                print "    " c[i] ") options=\047" substr(options[c[i]], 2) \
                    "\047 words=\047" after[c[i]] "\047 ;;"
            print "    *) return 1 ;;\n    esac\n}\n"
            print "# What an option takes: words, files, or no value at all (1)."
            print "_reap_of_option() {\n    case $1 in"
            for (i = 1; i <= n_kinds; i++) {
                if (order[i] == "flag")
                    continue
                split(order[i], f, "\t")
                print "    " pattern[order[i]] ")\n        words=\047" f[2] \
                    "\047 files=" (f[1] ? "1" : "") " ;;"
            }
            print "    *) return 1 ;;\n    esac\n}\n"
            print "_reap_commands=\047" substr(commands, 2) " help\047"
        }'
    cat <<'EOF'

_reap() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local at command='' options='' words='' files=1
    COMPREPLY=()
    # --option=value comes as three words
    if [ "$cur" = '=' ]; then
        cur=''
    elif [ "$prev" = '=' ]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    # Behind the -- of submit stands another command.
    at=1
    if [ "${COMP_WORDS[1]}" = submit ]; then
        local i
        for ((i = 2; i < COMP_CWORD; i++)); do
            [ "${COMP_WORDS[i]}" != -- ] || at=$((i + 1))
        done
    fi
    if [ "$COMP_CWORD" = "$at" ]; then
        words=$_reap_commands files=''
    else
        command=${COMP_WORDS[at]}
        if [ "$command" = help ]; then
            words="$_reap_commands models presets" files=''
        elif _reap_of_option "$command $prev"; then
            :
        elif _reap_of_command "$command"; then
            [ "${cur#-}" = "$cur" ] || words=$options files=''
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    if [ -n "$files" ]; then
        local found
        mapfile -t found < <(compgen -f -- "$cur")
        [ "${#found[@]}" = 0 ] || compopt -o filenames 2>/dev/null
        COMPREPLY+=("${found[@]}")
    fi
}
complete -F _reap reap
EOF
}

zsh_script() {
    cat <<'EOF'
#compdef reap
# zsh completion for reap; made from its tables of commands and options

EOF
    table | sed "s/'/'\\\\''/g" | awk -F'\t' '
        function spec(text) {
            gsub(/:/, "\\:", text)
            gsub(/\[/, "\\[", text)
            gsub(/\]/, "\\]", text)
            return text
        }
        $1 == "command" {
            list = list "    \047" $2 ":" spec($3) "\047\n"
            order[++n] = $2
            rest[$2] = $4 == "" ? "\047*:file:_files\047" : \
                "\047*: : _reap_either " $4 "\047"
            next
        }
        {
            value = $5 == "" ? "" : ":" spec($5) ":" ($7 != "" && $8 ? \
                " _reap_either " $7 : \
                $7 != "" ? "(" $7 ")" : $8 ? "_files" : " ")
            about = "[" spec($6) "]" value
            long = "--" $3 ($5 == "" ? "" : "=")
            if ($4 == "")
                s = "\047" long about "\047"
            else
                s = "\047(-" $4 " --" $3 ")\047{-" $4 ($5 == "" ? "" : "+") "," \
                    long "}\047" about "\047"
            specs[$2] = specs[$2] "        " s " \\\n"
        }
        END {
            print "_reap_commands() {\n    local -a commands\n    commands=(\n" \
                list "    \047help:what reap and its commands do\047\n    )\n" \
                "    _describe command commands\n}\n"
            print "# one of these words, or a file\n_reap_either() {\n" \
                "    _alternative \"words:word:($*)\" files:file:_files\n}\n"
            print "_reap_behind() {\n    case $words[1] in"
            for (i = 1; i <= n; i++)
                print "    " order[i] ")\n        _arguments -S \\\n" \
                    specs[order[i]] "        " rest[order[i]] " ;;"
            print "    help) _reap_commands ;;\n    esac\n}\n"
        }'
    cat <<'EOF'
_reap() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C '1: :_reap_commands' '*:: :->behind'
    [ "$state" != behind ] || _reap_behind
}

_reap "$@"
EOF
}

fish_script() {
    echo '# fish completion for reap; made from its tables of commands and options'
    echo
    table | sed "s/'/\\\\'/g" | awk -F'\t' '
        $1 == "command" {
            print "complete -c reap -n __fish_use_subcommand -f -a " $2 " -d \047" $3 "\047"
            if ($4 != "")
                print "complete -c reap -n \047__fish_seen_subcommand_from " $2 \
                    "\047 -a \047" $4 "\047"
            next
        }
        {
            print "complete -c reap -n \047__fish_seen_subcommand_from " $2 "\047" \
                ($4 == "" ? "" : " -s " $4) " -l " $3 \
                ($5 == "" ? "" : $8 ? " -r -F" : " -x") \
                ($7 == "" ? "" : " -a \047" $7 "\047") " -d \047" $6 "\047"
        }'
    echo "complete -c reap -n __fish_use_subcommand -f -a help -d 'what reap and its commands do'"
}

case ${1:-} in
bash | zsh | fish) "$1_script" ;;
*)
    echo 'complete.sh bash|zsh|fish' >&2
    exit 64
    ;;
esac
