# bash completion for polyformer and polyformer-server: asks the program's own help what may stand here. What it does not
# know (file names, above all) is left to bash.
_polyformer_subcommands() { # of the help text $1
    awk '/^Subcommands:/ { listed = 1; next } /^[^ ]/ { listed = 0 } listed && /^  [a-z]/ { print $1 }' <<<"$1"
}

_polyformer_options() { # of the help text $1: "-h,--help" are two
    awk '/^Options:/ { listed = 1; next } /^[^ ]/ { listed = 0 } listed && /^  -/ { gsub(",", "\n", $1); print $1 }' <<<"$1"
}

_polyformer_choices() { # of the option $2 in the help text $1: those that stand there as {this,that}
    awk -v option="$2" '$1 == option && match($0, /\{[^}]*\}/) {
        text = substr($0, RSTART + 1, RLENGTH - 2); gsub(",", "\n", text); print text }' <<<"$1"
}

_polyformer() {
    local -a command=("${COMP_WORDS[0]/#\~/$HOME}")
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} help earlier words
    help=$("${command[@]}" --help 2>/dev/null) || return 0
    for earlier in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if grep -qxF -- "$earlier" <(_polyformer_subcommands "$help"); then
            command+=("$earlier")
            help=$("${command[@]}" --help 2>/dev/null) || return 0
        fi
    done
    case $word in
    -*) words=$(_polyformer_options "$help") ;;
    *) words=$(_polyformer_choices "$help" "$before") ; words=${words:-$(_polyformer_subcommands "$help")} ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -o default -F _polyformer polyformer polyformer-server
