"""The calculation client for tests of the engine: each list goes in a message of its own."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from calculation import backlog, client, session
from messaging.console import program

if __name__ == "__main__":
    backlog.FEW = sys.maxsize
    session.PACKED_WINDOW = session.SINGLE_WINDOW
    program.run(client.main)
