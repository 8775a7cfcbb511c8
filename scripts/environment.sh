# Sourced by the scripts that need Python: finds one, and creates a virtual environment with it.
# shellcheck shell=bash disable=SC2034,SC2154

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

refuse() {
    printf '%s: %s; see --help\n' "$(basename "$0")" "$*" >&2
    exit 2
}

# Prints the comment at the head of the script that was called.
show_help() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit
}

# Prints the path of a candidate, or what is wrong with it, or nothing if there is no such command.
examine() {
    command -v -- "$1" >/dev/null 2>&1 || return 0
    "$1" -c '
import sys
if sys.version_info < (3, 8):
    print("is Python %d.%d" % sys.version_info[:2])
else:
    try:
        import ensurepip, venv
        print(sys.executable)
    except ImportError:
        print("cannot make virtual environments: install python3-venv (Debian, Ubuntu: apt-get install python3-venv)")
' 2>/dev/null || printf 'does not run\n'
}

# Prints the path of the first suitable Python: $PYTHON if it is set, otherwise one on PATH.
find_python() {
    local candidate found wrong=''
    for candidate in "${PYTHON:-python3}" python3.{14,13,12,11,10,9,8} python; do
        found=$(examine "$candidate")
        case $found in
        /*)
            printf '%s\n' "$found"
            return
            ;;
        ?*) [ -n "$wrong" ] || wrong="$candidate $found" ;;
        esac
        [ -z "${PYTHON:-}" ] || break
    done
    [ -n "$wrong" ] || wrong="there is no ${PYTHON:-python3}${PYTHON:+, which PYTHON names}"
    fail "Python 3.8 or newer is needed, and $wrong"
}

# Creates .venv/VERSION with the packages of the given requirements files; sets $python to its Python.
make_environment() {
    local base
    base=$(find_python) || exit 1
    python=$("$base" "$root/scripts/environment.py" "$@") || exit 1
}
