"""Connection: account and region, and the boto3 clients."""

from __future__ import annotations

import os
import sys
import threading
from io import BytesIO
from typing import TYPE_CHECKING, Any, Dict, Tuple

from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoCredentialsError

from ..errors import ConfigurationError
from .advice import configured
from .bucket import Storage
from .settings import Settings
from .settling import Settling

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

CONNECTIONS = 128  # kept open at most; more than all threads of a program need
HASTY = 2  # seconds to wait for an answer that is worth no more
SMALL = 1 << 20  # bytes


class Connection:
    """AWS as the settings say, with one client for each service, made when first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._clients: Dict[Tuple[str, int, int], Any] = {}
        self._session: Any = None
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
            credentials = self._session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            if configured("mfa_serial") and not _has_terminal():
                raise EOFError
            credentials.get_frozen_credentials()
        except EOFError as error:
            raise ConfigurationError(
                "the profile asks for an MFA code, and there is no terminal to type it at"
            ) from error
        except BotoCoreError:
            self._session = None  # somebody may log in meanwhile
            self._clients.clear()
            raise
        except (OSError, ValueError) as error:  # of what the profile names; botocore lets it pass
            raise CredentialRetrievalError(provider="profile", error_msg=str(error)) from error

    def user_id(self) -> str:
        """Ask STS, which everybody may, for what policies call `aws:userid`: who we are."""
        sts = self.client("sts", attempts=1, seconds=HASTY)
        return str(sts.get_caller_identity()["UserId"])

    def storage(self, account: str) -> Storage:
        """Give the bucket, by default the one named after the account, which has to own it."""
        if self.settings.bucket:
            return Storage(self.s3, self.settings.bucket)
        return Storage(self.s3, f"aws-project-{account}-{self.region}", account)

    def client(self, service: str, attempts: int = 5, seconds: int = 30) -> Any:
        """Give a client for a service.

        Args:
            attempts: how often botocore tries; 1 for those who see to that themselves
            seconds: to wait for an answer; above the long poll of 20 s where one may wait for it
        """
        import boto3  # takes a third of a second, which --help shall not
        from botocore.config import Config

        with self._lock:  # boto3's session is not safe for threads, its clients are
            if self._session is None:
                self._session = boto3.Session(
                    profile_name=self.settings.profile, region_name=self.settings.region
                )
            if (service, attempts, seconds) not in self._clients:
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
                self._clients[service, attempts, seconds] = client
            return self._clients[service, attempts, seconds]


def _has_terminal() -> bool:
    """Tell whether a person can be asked, as getpass asks."""
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR))
    except OSError:
        return False
    except AttributeError:  # Windows
        return sys.stdin.isatty()
    return True


def _send_body_at_once(params: Dict[str, Any], **_: object) -> None:
    """Save a small body the round trip of `Expect: 100-continue`."""
    body = params.get("body")
    if isinstance(body, BytesIO) and body.getbuffer().nbytes <= SMALL:
        params["headers"].pop("Expect", None)
