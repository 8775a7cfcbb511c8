"""A gateway in front of the server: passes requests on, counts them by action, spoils some."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import urlsplit

Answer = Tuple[int, Dict[str, str], bytes]
Fault = Callable[[str], Optional[Answer]]
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Server(ThreadingHTTPServer):
    """Says nothing of clients that went away, which tests are full of."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (OSError, http.client.HTTPException)):
            super().handle_error(request, client_address)


class Gateway:
    """An HTTP server that stands for AWS.

    Attributes:
        url: where it listens
        counts: the requests passed on or spoiled, by action, such as SendMessageBatch, PutObject
        faults: asked in turn for each request; the first answer that is not None replaces ours
    """

    def __init__(self, upstream: str) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: List[Fault] = []
        gateway, host = self, urlsplit(upstream).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                action = action_of(self.command, self.path, self.headers.get("X-Amz-Target", ""))
                gateway.counts[action] += 1
                answers = (fault(action) for fault in gateway.faults)
                answer = next((one for one in answers if one), None)
                status, headers, content = answer or self._pass_on(body)
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def _pass_on(self, body: bytes) -> Answer:
                connection = http.client.HTTPConnection(host, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP_BY_HOP}
                if self.command == "HEAD":
                    kept["Content-Length"] = answer.headers.get("Content-Length", "0")
                return answer.status, kept, content

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_request(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Gateway:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def refuse(self, action: str, status: int, code: str, times: int = 10**9) -> None:
        """Answer an action with an error of AWS, so many times."""
        left = [times]

        def fault(asked: str) -> Optional[Answer]:
            if asked != action or not left[0]:
                return None
            left[0] -= 1
            return error(action, status, code)

        self.faults.append(fault)

    def of_service(self, service: str) -> int:
        """Count the requests to sqs or s3."""
        s3 = sum(n for action, n in self.counts.items() if action.endswith(("Object", "Bucket")))
        return s3 if service == "s3" else sum(self.counts.values()) - s3


def action_of(method: str, path: str, target: str) -> str:
    """Name the API action of a request."""
    if target:
        return target.rsplit(".", 1)[1]
    noun = "Object" if urlsplit(path).path.strip("/").count("/") else "Bucket"
    return method.capitalize() + noun


def error(action: str, status: int, code: str) -> Answer:
    """Write an error as AWS does."""
    if action.endswith(("Object", "Bucket")):
        text = f"<Error><Code>{code}</Code><Message>made for a test</Message></Error>"
        return status, {"Content-Type": "application/xml"}, text.encode()
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": "made for a test"}
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-query-error": f"{code};Sender"}
    return status, headers, json.dumps(body).encode()
