# Sourced by the scripts that need Python: finds one and makes a virtual environment with packages.
# shellcheck shell=bash

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Prints the first Python that is new enough: $PYTHON if it is set, else what PATH has.
find_python() {
    local candidate found=""
    for candidate in "${PYTHON:-python3}" python3.{14,13,12,11,10,9,8} python; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
        found="$candidate"
        [ -z "${PYTHON:-}" ] || break
    done
    [ -n "$found" ] && fail "$found is too old: Python 3.8 or newer is needed"
    fail "Python 3.8 or newer is needed, and there is no python3 on PATH"
}

# Makes .venv/VERSION with the packages of the given requirements files; sets $python to its Python.
make_environment() {
    local base folder stamp wanted file arguments=()
    base=$(find_python) || exit 1
    folder="$root/.venv/$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    python="$folder/bin/python"
    stamp="$folder/installed.txt"
    wanted=$(cat -- "$@")
    if [ -x "$python" ] && [[ "$(cat "$stamp" 2>/dev/null)"$'\n' == "$wanted"$'\n'* ]]; then
        return
    fi
    "$base" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$base cannot make virtual environments: install python3-venv (Debian, Ubuntu: apt-get install python3-venv)"
    printf 'Installing packages into %s ...\n' "${folder#"$root/"}" >&2
    "$base" -m venv "$folder" || fail "cannot make $folder"
    for file in "$@"; do arguments+=(-r "$file"); done
    "$python" -m pip install --quiet --disable-pip-version-check 'pip>=20.3' 2>/dev/null ||
        fail "cannot install packages: is there a network?"
    "$python" -m pip install --quiet --disable-pip-version-check --prefer-binary "${arguments[@]}" ||
        fail "cannot install packages: see above"
    printf '%s\n' "$wanted" >"$stamp"
}
