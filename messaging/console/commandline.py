"""The command line options that the programs share."""

from __future__ import annotations

import argparse
import os
import re
from typing import Callable, List, Sequence

from .. import __version__
from ..aws.connection import Connection
from ..aws.making import DEAD_LETTER
from ..aws.settings import Settings
from ..wire.names import LONGEST_OUTPUT_NAME

LONGEST_VISIBILITY = 12 * 3600  # seconds, SQS's limit
EPILOG = """\
exit codes: 0 done, 1 something was refused, 2 usage, 3 no reply in time,
4 AWS said no or cannot be reached, 130 interrupted.
"""


def parser(
    part: str, input_queue: str, output_queue: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Make a parser with the options that all programs have.

    Each option about names can also be set in the environment, as PART_INPUT_QUEUE and so on.
    """
    made = argparse.ArgumentParser(
        description=description,
        epilog=f"examples:\n{examples}\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_aws_options(made)
    names = made.add_argument_group("names")
    _add_name(names, part, "input-queue", input_queue, _queue_name(80 - len(DEAD_LETTER)))
    _add_name(names, part, "output-queue", output_queue, _queue_name(LONGEST_OUTPUT_NAME))
    _add_name(names, part, "bucket", None, str, "aws-project-ACCOUNT-REGION")
    made.add_argument("--verbose", action="store_true", help="say more about what happens")
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return made


def add_aws_options(made: argparse.ArgumentParser) -> None:
    """Add the options by which boto3 finds AWS, named as in the AWS CLI."""
    aws = made.add_argument_group("AWS")
    aws.add_argument("--profile", help="profile of the AWS configuration (AWS_PROFILE)")
    aws.add_argument("--region", help="AWS region (AWS_DEFAULT_REGION)")
    aws.add_argument("--endpoint-url", metavar="URL", help="another server (AWS_ENDPOINT_URL)")


def add_worker_options(made: argparse.ArgumentParser, concurrency: int) -> None:
    """Add the options that both workers have."""
    made.add_argument(
        "--concurrency",
        type=whole_number(1, 100),
        default=concurrency,
        metavar="N",
        help="threads that handle requests (%(default)s)",
    )
    made.add_argument(
        "--visibility-timeout",
        type=whole_number(1, LONGEST_VISIBILITY),
        default=30,
        metavar="SECONDS",
        help="how long a request stays hidden after a sign of life from us (%(default)s)",
    )
    made.add_argument("--drain", action="store_true", help="end when the queue is empty")


def add_client_options(made: argparse.ArgumentParser) -> None:
    """Add the options that both clients have."""
    made.add_argument(
        "--timeout",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="give up after so long without any reply (%(default)g)",
    )
    made.add_argument(
        "--reply-queue",
        type=_queue_name(80),
        metavar="NAME",
        help="hear through this queue, shared with others, instead of one of our own",
    )
    made.add_argument("--json", action="store_true", help="print a JSON object a result")


def connect(options: argparse.Namespace) -> Connection:
    """Make the connection that the options describe."""
    return Connection(
        Settings(
            options.input_queue,
            options.output_queue,
            options.bucket,
            options.profile,
            options.region,
            options.endpoint_url,
        )
    )


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make a type for argparse: a whole number of that range."""

    def convert(text: str) -> int:
        text = text.strip()
        if not re.fullmatch("-?[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return convert


def seconds(text: str) -> float:
    """Convert for argparse: a number of seconds above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text.strip()!r} is no number of seconds above 0")
    return value


def with_negative_lists(arguments: Sequence[str]) -> List[str]:
    """Let argparse take -5,7 for a list; to it, what begins with a blank is no option."""
    return [" " + each if re.match(r"-[0-9]", each) else each for each in arguments]


def _add_name(
    group: argparse._ArgumentGroup,
    part: str,
    name: str,
    default: object,
    convert: Callable[[str], str],
    shown: str = "%(default)s",
) -> None:
    variable = f"{part}_{name}".upper().replace("-", "_")
    group.add_argument(
        f"--{name}",
        metavar="NAME",
        type=convert,
        default=os.environ.get(variable) or default,
        help=f"{shown}, or what {variable} says",
    )


def _queue_name(longest: int) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{longest}}}", text):
            raise argparse.ArgumentTypeError(
                f"{text!r} is no queue name: up to {longest} letters, digits, - and _"
            )
        return text

    return convert
