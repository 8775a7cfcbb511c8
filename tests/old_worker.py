"""A calculation worker for tests that knows nothing of several lists in one message."""

from calculation import worker
from messaging import Request, Result, Storage
from tests.slow_worker import run


def handle(request: Request, storage: Storage) -> Result:
    """Treat the body as a single list, whatever the parameters say."""
    return worker.handle(Request(request.body), storage)


if __name__ == "__main__":
    run("old", handle)
