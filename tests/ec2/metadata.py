"""Runs a command beside an instance metadata service that insists on its token."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

REGION = "eu-north-1"


class Handler(BaseHTTPRequestHandler):
    """Hands out a token, and the zone to those who send it."""

    def do_PUT(self) -> None:
        self.answer(200, "token" if self.path == "/latest/api/token" else "")

    def do_GET(self) -> None:
        allowed = self.headers.get("X-aws-ec2-metadata-token") == "token"
        known = self.path.startswith("/latest/meta-data/placement/availability-zone")
        self.answer(200 if allowed and known else 401, f"{REGION}a")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    server = HTTPServer(("169.254.169.254", 80), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.exit(subprocess.run(sys.argv[1:]).returncode)
