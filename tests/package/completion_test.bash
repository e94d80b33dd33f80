#!/usr/bin/env bash
# Completes command lines as bash would. Usage: completion_test.bash FOLDER_OF_PROGRAMS COMPLETION_SCRIPT
set -euo pipefail
PATH=$1:$PATH
source "$2"

expect() { # expect COMPLETIONS WORD...: what the last word may become
    local expected=$1
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _polyformer
    if [ "${COMPREPLY[*]}" != "$expected" ]; then
        echo "'$*' became '${COMPREPLY[*]}', expected '$expected'" >&2
        exit 1
    fi
}

expect "index infer" polyformer in
expect "decrypt" "$1/polyformer" de
expect "bench" polyformer ben
expect "ckks" polyformer bench ck
expect "--request --reply" polyformer infer plan/server --re
expect "--version" polyformer --v
expect "last all" polyformer plan model --positions ""
expect "all" polyformer plan model --positions a
expect "" polyformer infer --keys some  # names of files: bash's own
expect "--keys" polyformer-server --plan plan/server --k
complete -p polyformer polyformer-server >/dev/null
