"""The server process of local_aws.py: SQS and S3, run in a virtual environment of their own.

It binds the port itself, so that no two servers share one, and prints it to standard output.
local_aws.py holds standard input open as long as it lives; the numbers it writes there are ids of
processes that get SIGHUP once it is dead.

usage: aws_server.py ministack|moto|localstack PORT
"""

import asyncio
import os
import resource
import signal
import socket
import sys
import threading
from typing import List


def end_with_parent() -> None:
    """Block until the parent is gone, however it ended; then end what it ran, and this process."""
    for line in sys.stdin:
        processes.append(int(line))
    for process in processes:
        try:
            os.kill(process, signal.SIGHUP)
        except ProcessLookupError:
            continue
    os._exit(1)


def ministack(port: int) -> None:
    """Serve with MiniStack, bypassing its own launcher, which leaves a temporary file behind."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A burst of clients needs many connections.
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    listener = socket.socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if port:  # a predecessor's connections may linger
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    port = listener.getsockname()[1]
    os.environ["GATEWAY_PORT"] = str(port)  # MiniStack puts it into queue URLs
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    print(port, flush=True)
    asyncio.run(serve(app, config))


def moto(port: int) -> None:
    """Serve with moto."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    signal.pause()


def localstack(port: int) -> None:
    """Serve with LocalStack, whose own output must not mix with the port."""
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    os.environ.update(
        GATEWAY_LISTEN=f"127.0.0.1:{port}",
        SERVICES="sqs,s3,sts",
        DISABLE_EVENTS="1",
        SKIP_SSL_CERT_DOWNLOAD="1",
    )
    told = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from localstack.runtime import current

    runtime = current.initialize_runtime()

    def tell() -> None:
        runtime.ready.wait()
        print(port, file=told, flush=True)

    threading.Thread(target=tell, daemon=True).start()
    runtime.run()


if __name__ == "__main__":
    processes: List[int] = []
    threading.Thread(target=end_with_parent, daemon=True).start()
    {"ministack": ministack, "moto": moto, "localstack": localstack}[sys.argv[1]](int(sys.argv[2]))
