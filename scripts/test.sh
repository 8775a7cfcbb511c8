#!/usr/bin/env bash
# Checks style, types and behaviour; needs only bash and Python 3.8 or newer. Arguments go to pytest.
#   bash scripts/test.sh
#   PYTHON=python3.8 LOCAL_AWS=moto bash scripts/test.sh tests/unit
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"
case "${1:-}" in --help | -h) show_help ;; esac
cd -- "$root"
make_environment requirements.txt tests/unit/requirements.txt tests/requirements.txt
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy .
exec "$python" -m pytest "$@"
