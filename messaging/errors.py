"""The error tree: each error's text is one line for a person, each class has an exit code."""


class MessagingError(Exception):
    """Base class of the errors of this package."""

    exit_code = 1


class InvalidMessage(MessagingError):
    """Raised when a message breaks the wire format or the limits of SQS."""


class RequestRejected(MessagingError):
    """Raised by a handler to refuse a request for good; its text is sent to the client."""


class ReplyTimeout(MessagingError):
    """Raised when no reply came in time."""

    exit_code = 3


class ConfigurationError(MessagingError):
    """Raised when AWS cannot be used as configured: rights, names, network, credentials."""

    exit_code = 4
