"""The only door to AWS: every boto3 call is made here, and its errors are classified here."""

import sys
from importlib.util import find_spec

if find_spec("boto3") is None:
    raise SystemExit(
        f"boto3 is not installed: run `{sys.executable} -m pip install -r requirements.txt`, "
        "best in a virtual environment"
    )
