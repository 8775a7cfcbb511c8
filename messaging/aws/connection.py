"""Connection: region, account and boto3 clients, which are recreated with renewed credentials."""

from __future__ import annotations

import logging
import threading
from io import BytesIO
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError

from .. import clock
from ..errors import ConfigurationError
from ..settings import Settings
from . import credentials
from .settling import Settling
from .storage import Storage

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

logger = logging.getLogger(__name__)

CONNECTIONS = 128  # size of the pool; with fewer than threads, connections are opened and dropped
ANSWER = 8  # seconds; read timeout, which a long poll adds to its own wait
HASTY = 2  # seconds; read timeout where a late response is useless
LONG_POLL = 20  # seconds, the longest that SQS allows
RENEWED = 5.0  # seconds that a session lives at least: many threads hit an expired key at once
SMALL = 1 << 20  # bytes; a longer body waits for S3's consent, lest it be sent for nothing
Kind = Tuple[str, int, int]  # of a client: service, attempts, seconds


class _Client:
    """Delegates to the newest boto3 client of its kind."""

    def __init__(self, connection: Connection, kind: Kind) -> None:
        self._connection = connection
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.newest(self._kind), name)


class Connection:
    """Makes boto3 clients as the settings say; the clients outlive their credentials."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._clients: Dict[Kind, Any] = {}
        self._session: Any = None
        self._made_at = float("-inf")
        self._renewal = threading.Thread()
        self._user_id: Optional[str] = None
        self._settling = Settling()

    @property
    def sqs(self) -> SQSClient:
        """The client for SQS."""
        sqs: SQSClient = self.client("sqs")
        return sqs

    @property
    def s3(self) -> S3Client:
        """The client for S3."""
        s3: S3Client = self.client("s3")
        return s3

    @property
    def region(self) -> str:
        """The region in use."""
        return self.sqs.meta.region_name

    def check(self) -> None:
        """Find region and credentials before anything is sent; raises what is wrong with them.

        Call it on the main thread: a profile may prompt for an MFA code, and Ctrl-C cancels that.
        """
        try:
            self.client("sqs")
            credentials.find(self._session)
        except BotoCoreError:
            self._session = None  # somebody may log in meanwhile
            self._clients.clear()
            raise

    def user_id(self) -> str:
        """Return what policies call `aws:userid`; asks STS once, which needs no permission."""
        if self._user_id is None:
            sts = self.client("sts", attempts=1, seconds=HASTY)
            if _is_aws(sts) and not _is_aws(self.sqs):  # it knows nobody that this SQS knows
                raise ConfigurationError("there is no STS beside this SQS (AWS_ENDPOINT_URL_STS)")
            self._user_id = str(sts.get_caller_identity()["UserId"])
        return self._user_id

    def storage(self, account: str) -> Storage:
        """Return the bucket, by default the one named after the account, which has to own it."""
        bucket = self.settings.bucket or f"aws-project-{account}-{self.region}"
        return Storage(self.s3, bucket, account or None)

    def client(self, service: str, attempts: int = 5, seconds: int = ANSWER + LONG_POLL) -> Any:
        """Return a client for a service.

        Args:
            attempts: attempts that botocore makes; 1 for callers that retry by themselves
            seconds: read timeout; for a long poll longer than its 20 s
        """
        self.newest((service, attempts, seconds))  # raises here and now if the settings are wrong
        return _Client(self, (service, attempts, seconds))

    def newest(self, kind: Kind) -> Any:
        """Return the boto3 client of that kind, made since the last `renew`."""
        client = self._clients.get(kind)
        if client is None:
            with self._lock:  # a boto3 session is not thread-safe, its clients are
                client = self._clients.get(kind) or self._make(self._open_session(), *kind)
                self._clients[kind] = client
        return client

    def renew(self) -> None:
        """Have session and clients made anew, with the credentials that are there now.

        Those at hand serve until then: a credential process may take its time, or fail.
        """
        with self._lock:
            if self._renewal.is_alive() or clock.now() - self._made_at < RENEWED:
                return
            self._renewal = threading.Thread(target=self._make_anew, name="renew", daemon=True)
            self._renewal.start()

    def _make_anew(self) -> None:
        try:
            session = credentials.open_session(self.settings)
            clients = {kind: self._make(session, *kind) for kind in list(self._clients)}
            with self._lock:
                self._session, self._user_id = session, None
                self._clients.update(clients)
        except Exception as error:  # whoever needs the credentials is told what is wrong with them
            logger.debug("Cannot renew the credentials: %r.", error)
        finally:
            self._made_at = clock.now()

    def _open_session(self) -> Any:
        if self._session is None:
            self._session = credentials.open_session(self.settings)
            self._made_at = clock.now()
        return self._session

    def _make(self, session: Any, service: str, attempts: int, seconds: int) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=min(5, seconds / 2),
            read_timeout=seconds,
            tcp_keepalive=True,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            # Botocore's own user agent and validation take a quarter of the CPU time of a call.
            user_agent="aws-project",
            parameter_validation=service != "sqs",  # we have checked names and limits ourselves
        )
        try:
            client = session.client(service, endpoint_url=self.settings.endpoint_url, config=config)
            _ = urlsplit(client.meta.endpoint_url).port  # raises for one that cannot be
        except BotoCoreError:  # some of these are ValueErrors too
            raise
        except ValueError as error:
            raise ConfigurationError(
                f"{error}: check --endpoint-url and AWS_ENDPOINT_URL"
            ) from error
        client.meta.events.register_last("before-call.s3", _send_body_at_once)
        self._settling.watch(client)
        return client


def _is_aws(client: Any) -> bool:
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _send_body_at_once(params: Dict[str, Any], **_: object) -> None:
    """Spare a small body the round trip of `Expect: 100-continue`."""
    body = params.get("body")
    if isinstance(body, BytesIO) and body.getbuffer().nbytes <= SMALL:
        params["headers"].pop("Expect", None)
