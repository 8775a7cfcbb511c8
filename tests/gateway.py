"""A gateway in front of the server: forwards requests, counts them by action, injects faults."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

from tests.models import complaints

Answer = Tuple[int, Dict[str, str], bytes]
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server"}
FOREVER = 10**9
# S3 distinguishes calls on a bucket by the query; they are named after their permissions here.
SUBRESOURCES = {
    "lifecycle": "LifecycleConfiguration",
    "policy": "BucketPolicy",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "tagging": "BucketTagging",
}
RESET = struct.pack("ii", 1, 0)  # with a linger of zero, close sends RST instead of FIN


class ConnectionCut(OSError):
    """Raised by a fault to close the connection without a response."""


class ConnectionReset(ConnectionCut):
    """Raised by a fault to reset the connection without a response."""


@dataclass(frozen=True)
class Call:
    """A request in flight.

    Attributes:
        action: such as SendMessageBatch, PutObject
        path: for S3, bucket and key
        key: the access key id that it was signed with, or empty
        agent: what sent it, by its own account, such as Boto3/1.40.0
        body: as it came
        carry_out: forwards it with a body, the same or another, and returns the answer
        owner: the account that the bucket has to belong to, or empty
    """

    action: str
    path: str
    key: str
    agent: str
    body: bytes
    carry_out: Callable[[bytes], Answer]
    owner: str

    @property
    def entries(self) -> List[Dict[str, Any]]:
        """The entries of a batch call."""
        entries: List[Dict[str, Any]] = json.loads(self.body)["Entries"]
        return entries

    def carry_out_in_part(self, entries: List[Dict[str, Any]]) -> Dict[str, Any]:
        """Carry out a batch call for some of its entries; return the response."""
        body = {**json.loads(self.body), "Entries": entries}
        answer: Dict[str, Any] = {}
        if entries:
            answer = json.loads(self.carry_out(json.dumps(body).encode())[2])
        return answer


Fault = Callable[[Call], Optional[Answer]]


class Server(ThreadingHTTPServer):
    """An HTTP server that does not report clients that disconnect, as many do in tests."""

    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (OSError, http.client.HTTPException)):
            super().handle_error(request, client_address)


class Gateway:
    """An HTTP server that stands in for AWS.

    Attributes:
        url: where it listens
        counts: the requests forwarded or spoiled, by action, such as SendMessageBatch, PutObject
        faults: called in turn for each request; the first answer that is not None is sent instead
        invalid: what botocore's own model of SQS finds wrong with requests, since the programs
            send them without validation
    """

    def __init__(self, upstream: str) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: List[Fault] = []
        self.invalid: List[str] = []
        self.upstream = urlsplit(upstream).netloc
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # unbuffered, each piece of an answer waits for a TCP ACK
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sent it was killed meanwhile
                    self.close_connection = True
                    return
                target = self.headers.get("X-Amz-Target", "")
                action = action_of(self.command, self.path, target, body)
                gateway.counts[action] += 1
                if target and service_of(action) == "sqs":
                    gateway.invalid += complaints(action, body)
                key = re.search("Credential=([^/]+)/", self.headers.get("Authorization", ""))
                agent = self.headers.get("User-Agent", "")
                owner = self.headers.get("X-Amz-Expected-Bucket-Owner", "")
                signer = key[1] if key else ""
                call = Call(action, self.path, signer, agent, body, self._pass_on, owner)
                answers = (fault(call) for fault in list(gateway.faults))
                try:
                    answer = next((one for one in answers if one), None)
                except ConnectionReset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    self.connection.close()
                    raise
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
                connection = http.client.HTTPConnection(gateway.upstream, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP_BY_HOP}
                if self.command == "HEAD":
                    kept["Content-Length"] = answer.headers.get("Content-Length", "0")
                return answer.status, kept, content

            def handle_expect_100(self) -> bool:
                super().handle_expect_100()
                self.wfile.flush()
                return True

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_request(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Gateway:
        # The end of a gateway takes as long as its thread looks for it.
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def refuse(self, action: str, status: int, code: str, times: int = FOREVER) -> None:
        """Answer an action with an AWS error, `times` times."""
        self.spoil(action, lambda call: error(action, status, code), times)

    def spoil(self, action: str, fault: Fault, times: int = FOREVER) -> None:
        """Apply a fault to an action, or to any if it is empty, `times` times."""
        left, lock = [times], threading.Lock()

        def limited(call: Call) -> Optional[Answer]:
            with lock:
                if call.action != (action or call.action) or not left[0]:
                    return None
                left[0] -= 1
            return fault(call)

        self.faults.append(limited)

    def of_service(self, service: str) -> int:
        """Return the number of requests to sqs, s3 or sts."""
        return sum(n for action, n in self.counts.items() if service_of(action) == service)


def action_of(method: str, path: str, target: str, body: bytes) -> str:
    """Return the API action of a request."""
    if target:
        return target.rsplit(".", 1)[1]
    if body.startswith(b"Action="):
        return parse_qs(body.decode())["Action"][0]
    split = urlsplit(path)
    noun = "Object" if split.path.strip("/").count("/") else "Bucket"
    if noun == "Bucket":
        noun = SUBRESOURCES.get(split.query.split("&")[0].rstrip("="), noun)
    return method.capitalize() + noun


def service_of(action: str) -> str:
    """Return the service that an action belongs to."""
    if action.endswith(("Object", "Bucket", *SUBRESOURCES.values())):
        return "s3"
    others = {"GetCallerIdentity": "sts", "GetMetricStatistics": "cloudwatch"}
    return others.get(action, "sqs")


def error(action: str, status: int, code: str) -> Answer:
    """Return an error response in AWS's format."""
    if service_of(action) != "sqs":
        text = f"<Error><Code>{code}</Code><Message>made for a test</Message></Error>"
        if service_of(action) == "sts":
            text = f"<ErrorResponse>{text}</ErrorResponse>"
        return status, {"Content-Type": "application/xml"}, text.encode()
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": "made for a test"}
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-query-error": f"{code};Sender"}
    return status, headers, json.dumps(body).encode()
