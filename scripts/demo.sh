#!/usr/bin/env bash
# Runs the programs against a local AWS; needs only bash and Python 3.8 or newer.
#   bash scripts/demo.sh               a tour
#   bash scripts/demo.sh calculation   the client's menu, with a worker behind it
#   bash scripts/demo.sh image         likewise; the results land in the current folder
# If this checkout cannot be written to, the pictures of the tour land in a temporary folder.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"

if [ "${1:-}" != --inside ]; then
    [ $# -le 1 ] || refuse "unexpected argument '$2'"
    case "${1-}" in
    --help | -h) show_help ;;
    calculation | image) ;;
    *) [ $# = 0 ] || refuse "unknown part '$1'" ;;
    esac
    make_environment "$root/requirements.txt"
    exec "$python" "$root/scripts/local_aws.py" "$BASH" "$root/scripts/demo.sh" --inside "$python" "$@"
fi

python=$2
part=${3:-}
scratch=${TMPDIR:-/tmp}/aws-demo.$$ # named before it exists, so that a signal in between leaves nothing
workers=()

# A graceful stop would wait for the poll under way, and nobody is left to be served.
stop() {
    trap '' INT TERM HUP
    [ ${#workers[@]} -eq 0 ] || kill -s KILL "${workers[@]}" 2>/dev/null || true
    rm -rf -- "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -m 700 -- "$scratch"

# Runs a program so that it ends with local_aws.py, even if this script is killed.
tethered=("$python" "$root/scripts/tether.py")

start_worker() {
    "${tethered[@]}" "$root/$1/worker.py" "${@:2}" 2>"$scratch/$1.log" &
    workers+=($!)
    disown # or bash would report that it was killed
}

show() {
    printf '\n$ python3 %s\n' "$*"
    "${tethered[@]}" "$root/$1" "${@:2}"
}

show_menu() {
    start_worker "$@"
    trap : INT # at the menu Ctrl-C drops an entry, and may end the client, but not this script
    "${tethered[@]}" "$root/$1/client.py"
}

case "$part" in
calculation) show_menu calculation ;;
image) show_menu image gamma ;;
*)
    place=$root
    if ! [ -w "$root" ]; then
        place=$(mktemp -d)
        ln -s "$root/image" "$place/image"
    fi
    printf 'A local AWS is running at %s.\n' "$AWS_ENDPOINT_URL"
    start_worker calculation
    show calculation/client.py 3,1,2
    show calculation/client.py --json 3,1,2 -5,7 1,a,3 || true
    start_worker image gamma
    cd "$place"
    show image/client.py image/Moon.jpg --gamma 2.2 --overwrite --compare comparison.png
    printf '\nWhat the workers logged:\n'
    cat "$scratch/calculation.log" "$scratch/image.log"
    printf '\nSee %s and %s\n' "$place/Moonprocessed.jpg" "$place/comparison.png"
    ;;
esac
