"""The calculation client with one list per message, for tests of the engine."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from calculation import backlog, client, session
from messaging.console import program

if __name__ == "__main__":
    backlog.FEW = sys.maxsize
    session.PACKED_WINDOW = session.SINGLE_WINDOW
    program.run(client.main)
