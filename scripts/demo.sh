#!/usr/bin/env bash
# Shows the programs at work on an AWS of their own; needs bash and a Python from 3.8 up, nothing else.
#   bash scripts/demo.sh               a tour
#   bash scripts/demo.sh calculation   the client's menu, with a worker behind
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"

if [ "${1:-}" != --inside ]; then
    case "${1:-}" in
    "" | calculation) ;;
    *) fail "unknown part '$1': it is calculation, or nothing for a tour" ;;
    esac
    make_environment "$root/requirements.txt"
    exec "$python" "$root/scripts/local_aws.py" "$BASH" "$root/scripts/demo.sh" --inside "$python" "$@"
fi

python=$2
part=${3:-}
scratch=$(mktemp -d)
workers=()

# A graceful stop waits for the poll under way, and here nobody is left to be served by that.
stop() {
    trap '' INT TERM HUP
    [ ${#workers[@]} -eq 0 ] || kill -s KILL "${workers[@]}" 2>/dev/null || true
    wait 2>/dev/null
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start_worker() {
    "$python" "$root/$1/worker.py" "${@:2}" 2>"$scratch/$1.log" &
    workers+=($!)
}

show() {
    printf '\n$ python3 %s\n' "$*"
    "$python" "$root/$1" "${@:2}"
}

case "$part" in
calculation)
    start_worker calculation
    "$python" "$root/calculation/client.py"
    ;;
*)
    printf 'An AWS of our own answers at %s.\n' "$AWS_ENDPOINT_URL"
    start_worker calculation
    show calculation/client.py 3,1,2
    show calculation/client.py --json 3,1,2 -5,7 1,a,3 || true
    printf '\nWhat the worker says:\n'
    cat "$scratch/calculation.log"
    ;;
esac
