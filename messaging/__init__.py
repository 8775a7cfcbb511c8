"""Request and reply over SQS and S3."""

from .connection import Connection
from .envelope import Reply, Request
from .errors import (
    ConfigurationError,
    InvalidMessage,
    MessagingError,
    ReplyTimeout,
    RequestRejected,
)
from .job import Result
from .requester import Requester
from .settings import Settings
from .storage import Storage
from .worker import Handler, Worker, WorkerOptions

__version__ = "1.0.0"

__all__ = [
    "ConfigurationError",
    "Connection",
    "Handler",
    "InvalidMessage",
    "MessagingError",
    "Reply",
    "ReplyTimeout",
    "Request",
    "RequestRejected",
    "Requester",
    "Result",
    "Settings",
    "Storage",
    "Worker",
    "WorkerOptions",
]
