"""A line to a server on which whatever is sent arrives later, as over a long distance.

    python3 -m scripts.benchmarks.delay PORT MILLISECONDS    prints the port to connect to

Each piece is delayed by itself, so a request of several pieces loses the time once, and any number
of connections lose it at the same time.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import List, Optional, Set

from scripts.benchmarks.process import ROOT


class Delay:
    """The line, in a process of its own; a context manager.

    Attributes:
        url: where its near end is
    """

    def __init__(self, upstream: str, milliseconds: float) -> None:
        port = upstream.rsplit(":", 1)[1]
        command = [sys.executable, "-m", __name__, port, str(milliseconds)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> Delay:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class _Pipe(asyncio.Protocol):
    """One direction of a connection: what it receives is written to its peer, later."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.peer: Optional[_Pipe] = None
        self.transport: Optional[asyncio.Transport] = None
        self._early: List[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self._pass_on, data)
        else:
            self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        if self.peer is None:
            self._early.append(data)
        elif self.peer.transport is not None and not self.peer.transport.is_closing():
            self.peer.transport.write(data)

    def join(self, peer: _Pipe) -> None:
        """Connect this direction to the other."""
        self.peer = peer
        for data in self._early:
            self._pass_on(data)

    def connection_lost(self, error: Optional[Exception]) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.close()


async def _serve(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    connecting: Set[asyncio.Task[None]] = set()

    def accept() -> _Pipe:
        near = _Pipe(seconds)
        task = loop.create_task(connect(near))
        connecting.add(task)  # the loop itself would let it be collected
        task.add_done_callback(connecting.discard)
        return near

    async def connect(near: _Pipe) -> None:
        _, far = await loop.create_connection(lambda: _Pipe(0), "127.0.0.1", port)
        far.join(near)
        near.join(far)

    server = await loop.create_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
