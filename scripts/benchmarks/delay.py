"""A proxy that delays what is sent to a server, as a long distance would.

    python3 -m scripts.benchmarks.delay NEAR_PORT FAR_PORT MILLISECONDS

Each chunk is delayed by itself, so a request of several chunks is delayed once, and connections
do not delay each other.
"""

import asyncio
import sys


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    later, data = asyncio.get_running_loop().call_later, b"\0"
    try:
        while data:
            data = await reader.read(1 << 16)
            later(seconds, writer.write, data)
    finally:
        later(seconds, writer.close)


async def _serve(port: int, far_port: int, milliseconds: float) -> None:
    async def accept(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_connection("127.0.0.1", far_port)
        ways = _pass_on(near, forth, milliseconds / 1000), _pass_on(far, back, 0)
        await asyncio.gather(*ways, return_exceptions=True)  # a side may reset the connection

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    print("ready", file=sys.stderr, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:])))
