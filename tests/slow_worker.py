"""A worker for tests: `sleep 2` takes two seconds, `fail` raises, `crash` kills the process, `exit`
raises SystemExit, `misuse` calls AWS wrongly, `empty` returns an empty body.
"""

import json
import logging
import os
import sys
import time
from typing import Any, List

from messaging import Handler, Request, RequestRejected, Result, Storage
from messaging.console import commandline, program


def handle(request: Request, storage: Storage) -> Result:
    """Do what the request says."""
    verb, _, value = request.body.partition(" ")
    if verb == "sleep":
        time.sleep(float(value))
    elif verb == "fail" and not os.path.exists(value):
        raise RuntimeError("as told")
    elif verb == "crash":
        os._exit(9)
    elif verb == "exit":
        sys.exit(3)
    elif verb == "misuse":
        s3: Any = storage.s3
        s3.put_object(Bucket=storage.bucket, Wrong=1)
    elif verb == "empty":
        return Result("")
    elif verb == "refuse":
        raise RequestRejected(value)
    return Result(json.dumps({"did": request.body, "process": os.getpid()}))


def run(name: str, handler: Handler) -> None:
    """Run a worker on the queues of the calculation tests."""

    def main(arguments: List[str]) -> int:
        parser = commandline.parser("calculation", "in", "out", "A worker for tests.", "  none\n")
        commandline.add_worker_options(parser, concurrency=1)
        return program.serve(parser.parse_args(arguments), name, handler)

    program.run(main, logging.INFO)


if __name__ == "__main__":
    run("slow", handle)
