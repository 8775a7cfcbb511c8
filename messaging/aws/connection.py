"""Connection: account and region, and the boto3 clients, made anew when keys are renewed."""

from __future__ import annotations

import threading
from io import BytesIO
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from botocore.exceptions import BotoCoreError

from .. import clock
from ..errors import ConfigurationError
from ..settings import Settings
from . import credentials
from .bucket import Storage
from .settling import Settling

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

CONNECTIONS = 128  # kept open at most; more than all threads of a program need
ANSWER = 8  # seconds to wait for an answer, beyond the wait of a poll
HASTY = 2  # seconds to wait for an answer that is worth no more
LONG_POLL = 20  # seconds, the longest that SQS allows
RENEWED = 5.0  # seconds that a session lives at least: many threads meet an expired key at once
SMALL = 1 << 20  # bytes
Kind = Tuple[str, int, int]  # of a client: service, attempts, seconds


class _Client:
    """Stands for a boto3 client, and is each time the newest of its kind."""

    def __init__(self, connection: Connection, kind: Kind) -> None:
        self._connection = connection
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.newest(self._kind), name)


class Connection:
    """AWS as the settings say, with clients that outlive their credentials."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._clients: Dict[Kind, Any] = {}
        self._session: Any = None
        self._made_at = float("-inf")
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
        """Find region and credentials, while nothing was asked yet; raises what is said of them.

        To be called on the main thread: a profile may ask for an MFA code, which Ctrl-C refuses.
        """
        try:
            self.client("sqs")
            credentials.find(self._session)
        except BotoCoreError:
            self._session = None  # somebody may log in meanwhile
            self._clients.clear()
            raise

    def user_id(self) -> str:
        """Ask STS once, which everybody may, for what policies call `aws:userid`: who we are."""
        if self._user_id is None:
            sts = self.client("sts", attempts=1, seconds=HASTY)
            self._user_id = str(sts.get_caller_identity()["UserId"])
        return self._user_id

    def storage(self, account: str) -> Storage:
        """Give the bucket, by default the one named after the account, which has to own it."""
        bucket = self.settings.bucket or f"aws-project-{account}-{self.region}"
        return Storage(self.s3, bucket, account or None)

    def client(self, service: str, attempts: int = 5, seconds: int = ANSWER + LONG_POLL) -> Any:
        """Give a client for a service.

        Args:
            attempts: how often botocore tries; 1 for those who see to that themselves
            seconds: to wait for an answer; above the long poll of 20 s where one may wait for it
        """
        self.newest((service, attempts, seconds))  # what is wrong with the settings is told here
        return _Client(self, (service, attempts, seconds))

    def newest(self, kind: Kind) -> Any:
        """Give the boto3 client of that kind, made with the credentials as they are now."""
        client = self._clients.get(kind)
        if client is None:
            with self._lock:  # boto3's session is not safe for threads, its clients are
                client = self._clients.get(kind) or self._make(*kind)
                self._clients[kind] = client
        return client

    def renew(self) -> None:
        """Have sessions and clients made anew, which read the credentials that are there now."""
        with self._lock:
            if clock.now() - self._made_at > RENEWED:
                self._session, self._user_id = None, None
                self._clients.clear()

    def _make(self, service: str, attempts: int, seconds: int) -> Any:
        from botocore.config import Config

        if self._session is None:
            self._session = credentials.open_session(self.settings)
            self._made_at = clock.now()
        config = Config(
            connect_timeout=min(5, seconds / 2),
            read_timeout=seconds,
            tcp_keepalive=True,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            # Made anew for each request, these two are a quarter of its CPU time.
            user_agent="aws-project",
            parameter_validation=service != "sqs",  # of names and limits checked before
        )
        try:
            client = self._session.client(
                service, endpoint_url=self.settings.endpoint_url, config=config
            )
        except BotoCoreError:  # some of these are ValueErrors too
            raise
        except ValueError as error:
            raise ConfigurationError(
                f"{error}: check --endpoint-url and AWS_ENDPOINT_URL"
            ) from error
        client.meta.events.register_last("before-call.s3", _send_body_at_once)
        self._settling.watch(client)
        return client


def _send_body_at_once(params: Dict[str, Any], **_: object) -> None:
    """Save a small body the round trip of `Expect: 100-continue`."""
    body = params.get("body")
    if isinstance(body, BytesIO) and body.getbuffer().nbytes <= SMALL:
        params["headers"].pop("Expect", None)
