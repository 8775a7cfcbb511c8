"""A gateway in front of the server that lets pass what policies allow, as IAM would."""

from __future__ import annotations

import fnmatch
import http.client
import json
import re
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, Dict, List, Mapping, Set, Tuple
from urllib.parse import unquote, urlsplit

from tests.gateway import HOP_BY_HOP, Answer, Server, action_of, error

Statement = Mapping[str, Any]
# Rights whose names differ from the actions that need them.
S3_RIGHTS = {"HeadBucket": "ListBucket", "GetBucket": "ListBucket", "HeadObject": "GetObject"}


class Enforcer:
    """An HTTP server that stands for an AWS with IAM.

    Attributes:
        url: where it listens
        statements: by access key id, what its holder is allowed and denied
        used: by access key id, the pairs of right and resource that were asked for and granted
        denied: the same for those refused
    """

    def __init__(self, upstream: str, statements: Mapping[str, List[Statement]]) -> None:
        self.statements = statements
        self.used: Dict[str, Set[Tuple[str, str]]] = {key: set() for key in statements}
        self.denied: Dict[str, Set[Tuple[str, str]]] = {key: set() for key in statements}
        enforcer, host = self, urlsplit(upstream).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                action = action_of(self.command, self.path, self.headers.get("X-Amz-Target", ""))
                key = re.findall("Credential=([^/]+)/", self.headers.get("Authorization", ""))[0]
                if enforcer._allows(key, *asked(action, self.path, body)):
                    status, headers, content = self._pass_on(body)
                else:
                    status, headers, content = error(action, 403, "AccessDenied")
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
                return answer.status, kept, content

            def log_request(self, *_: object) -> None:
                pass

        for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Enforcer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _allows(self, key: str, right: str, resource: str) -> bool:
        """Decide as IAM does: what is denied is never allowed, and the rest only if it says so."""
        said = {each["Effect"] for each in self.statements[key] if applies(each, right, resource)}
        allowed = said == {"Allow"}
        (self.used if allowed else self.denied)[key].add((right, resource))
        return allowed


def asked(action: str, path: str, body: bytes) -> Tuple[str, str]:
    """Give the right that a request needs, and the resource that it needs it for."""
    if action.endswith(("Object", "Bucket")):
        name = unquote(urlsplit(path).path).strip("/")
        return f"s3:{S3_RIGHTS.get(action, action)}", f"arn:aws:s3:::{name}"
    fields = json.loads(body)
    name = fields.get("QueueName") or fields.get("QueueUrl", "*").rsplit("/", 1)[-1]
    right = action[: -len("Batch")] if action.endswith("Batch") else action
    return f"sqs:{right}", f"arn:aws:sqs:us-east-1:000000000000:{name}"


def applies(statement: Statement, right: str, resource: str) -> bool:
    """Tell whether a statement speaks of a right and a resource."""
    rights, resources = as_list(statement["Action"]), as_list(statement["Resource"])
    return any(fnmatch.fnmatchcase(right, each) for each in rights) and any(
        fnmatch.fnmatchcase(resource, each) for each in resources
    )


def as_list(value: Any) -> List[str]:
    """Give a list, of one where the policy has a single word."""
    return [value] if isinstance(value, str) else list(value)
