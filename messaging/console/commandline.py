"""The command line options that the programs share."""

from __future__ import annotations

import argparse
import os
import re
from typing import Callable, List, Sequence
from urllib.parse import urlsplit

from .. import __version__
from ..aws.connection import Connection
from ..aws.queues import DEAD_LETTER
from ..settings import Settings
from ..wire.names import LONGEST_OUTPUT_NAME

LONGEST_VISIBILITY = 12 * 3600  # seconds, SQS's limit
LONGEST_WAIT = 14 * 24 * 3600  # seconds; SQS keeps no message longer
EPILOG = """\
exit codes: 0 done, 1 something was refused, 2 usage, 3 no reply in time,
4 AWS said no or cannot be reached, 130 interrupted.
"""


def parser(
    part: str, input_queue: str, output_queue: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Make a parser with the options that all programs share.

    Each option for a name can also be set in the environment, as PART_INPUT_QUEUE and so on.
    """
    made = argparse.ArgumentParser(
        description=description,
        epilog=f"examples:\n{examples}\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_aws_options(made)
    names = made.add_argument_group("names")
    _add_name(names, part, "input-queue", input_queue, queue_name(80 - len(DEAD_LETTER)))
    _add_name(names, part, "output-queue", output_queue, queue_name(LONGEST_OUTPUT_NAME))
    _add_name(names, part, "bucket", None, bucket_name, "aws-project-ACCOUNT-REGION")
    made.add_argument("--verbose", action="store_true", help="say more about what happens")
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return made


def add_aws_options(made: argparse.ArgumentParser) -> None:
    """Add the options by which boto3 finds AWS, named as in the AWS CLI."""
    aws = made.add_argument_group("AWS")
    profile = "profile of the AWS configuration (AWS_PROFILE)"
    aws.add_argument("--profile", type=some, help=profile)
    aws.add_argument("--region", type=some, help="AWS region (AWS_DEFAULT_REGION)")
    server = "another server (AWS_ENDPOINT_URL)"
    aws.add_argument("--endpoint-url", type=_url, metavar="URL", help=server)


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
        type=number(0.001, LONGEST_WAIT, "seconds"),
        default=60.0,
        metavar="SECONDS",
        help="give up after so long without any reply (%(default)g)",
    )
    made.add_argument(
        "--reply-queue",
        type=queue_name(80),
        metavar="NAME",
        help="hear through this queue, shared with others, instead of one of our own",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object per result")


def connect(options: argparse.Namespace) -> Connection:
    """Make the connection that the options describe."""
    if options.profile:
        os.environ["AWS_PROFILE"] = options.profile  # for what boto3 starts, and our advice
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
    """Return a type for argparse: a whole number in that range."""

    def convert(text: str) -> int:
        text = text.strip()
        if not re.fullmatch("-?[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return convert


def number(low: float, high: float, of: str) -> Callable[[str], float]:
    """Return a type for argparse: a number of something, from low to high."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{text.strip()!r} is no number of {of} from {low:g} to {high:,.0f}"
            )
        return value

    return convert


def _matching(pattern: str, refusal: str) -> Callable[[str], str]:
    """Return a type for argparse: text that matches; {} in the refusal stands for what does not."""

    def convert(text: str) -> str:
        if not re.fullmatch(pattern, text, re.DOTALL):
            raise argparse.ArgumentTypeError(refusal.format(repr(text)))
        return text

    return convert


def with_negative_lists(arguments: Sequence[str]) -> List[str]:
    """Make argparse accept -5,7 as a list: with a blank in front it is not taken for an option."""
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


def queue_name(longest: int) -> Callable[[str], str]:
    """Return a type for argparse: the name of a queue."""
    refusal = f"{{}} is no queue name: up to {longest} letters, digits, - and _"
    return _matching(f"[A-Za-z0-9_-]{{1,{longest}}}", refusal)


some = _matching(r".*\S.*", "it is empty")  # as an unset shell variable makes it
bucket_name = _matching(
    r"arn:\S+|(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]",
    "{} is no bucket name: 3 to 63 letters, digits, - and .",
)


def _url(text: str) -> str:
    try:
        port = urlsplit(text).port
    except ValueError:  # no valid port number
        port = 0
    if port == 0 or not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no URL: it begins with http:// or https://, and a host follows"
        )
    return text
