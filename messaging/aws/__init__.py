"""The only door to AWS: boto3 clients are made here, and their errors classified and explained."""

import sys
from importlib.util import find_spec

if find_spec("boto3") is None:
    raise SystemExit(
        f"boto3 is not installed: run `{sys.executable} -m pip install -r requirements.txt`, "
        "best in a virtual environment"
    )
