"""Credentials: finding them while it is still possible to ask a person."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Iterator

from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoCredentialsError

from ..errors import ConfigurationError
from ..settings import Settings
from .advice import configured


def open_session(settings: Settings) -> Any:
    """Return a boto3 session that has looked for its credentials."""
    import boto3  # takes a third of a second, which --help must not

    session = boto3.Session(profile_name=settings.profile, region_name=settings.region)
    with _told():
        session.get_credentials()
    return session


def find(session: Any) -> None:
    """Make a session fetch its credentials; raises what is wrong with them.

    Call it on the main thread: a profile may prompt for an MFA code, and Ctrl-C cancels that.
    """
    with _told():
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        if configured("mfa_serial") and not _has_terminal():
            raise EOFError
        credentials.get_frozen_credentials()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn exceptions that botocore lets through into errors that people understand."""
    try:
        yield
    except EOFError as error:
        raise ConfigurationError(
            "the profile asks for an MFA code, and there is no terminal to type it at"
        ) from error
    except BotoCoreError:  # some of these are ValueErrors too
        raise
    except (OSError, ValueError) as error:  # raised by a process or file that the profile names
        raise CredentialRetrievalError(provider="profile", error_msg=str(error)) from error


def _has_terminal() -> bool:
    """Return whether there is a terminal to prompt at, as getpass would find one."""
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR))
    except OSError:
        return False
    except AttributeError:  # Windows
        return sys.stdin.isatty()
    return True
