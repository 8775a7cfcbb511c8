"""Request and reply over SQS and S3."""

from .aws.connection import Connection
from .aws.storage import Storage
from .errors import (
    ConfigurationError,
    InvalidMessage,
    MessagingError,
    ReplyTimeout,
    RequestRejected,
)
from .requester.requester import Requester
from .settings import Settings
from .wire.envelope import Reply, Request
from .worker.handling import Handler
from .worker.job import Result
from .worker.options import WorkerOptions
from .worker.worker import Worker

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
