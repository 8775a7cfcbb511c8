"""What users see at a terminal, and what programs read behind a pipe."""

import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest
from PIL import Image

from messaging.console.terminal import one_of
from tests.acceptance.typist import CHOICE, LIST, Typist
from tests.conftest import ROOT, Place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small image."""
    Image.linear_gradient("L").save(tmp_path / "Moon.jpg")
    return tmp_path


def terminal(place: Place, folder: Path, *command: str) -> str:
    """Run a command to its end at a terminal of 80 columns; return its output."""
    variables: Any = {**place.environment, "TERM": "dumb"}
    how: Any = {"cwd": str(folder), "env": variables, "encoding": "utf-8", "timeout": 60}
    return str(pexpect.run(shlex.join(command), **how))


def test_the_bar_of_many_images_comes_to_its_end(place: Place, folder: Path) -> None:
    """The progress bar reaches its end when the last image is done."""
    place.worker("gamma", module="image.worker")

    command = [sys.executable, str(ROOT / "image" / "client.py"), "--no-download"]

    said = terminal(place, folder, *command, "Moon.jpg", "none.jpg")

    assert "100%" in said
    assert "2/2" in said


def test_redirected_results_leave_the_bar_alone(place: Place, folder: Path) -> None:
    """The bar is redrawn as time passes, not for each line that goes to a file."""
    place.worker()
    program, lists = ROOT / "calculation" / "client.py", " ".join(["3,1,2"] * 200)
    (folder / "run.sh").write_text(f"{sys.executable} {program} {lists} --json > results.jsonl")

    said = terminal(place, folder, "sh", "run.sh")

    assert "200/200" in said
    assert said.count("/200 [") < 50
    assert len((folder / "results.jsonl").read_text().splitlines()) == 200


def test_a_menu_behind_a_pipe_reads_as_at_a_terminal(place: Place) -> None:
    """Each answer ends its line, so that what follows stays aligned."""
    place.worker()

    done = place.client(input="1\n1,a\n3,1,2\n2\n")

    menu = ["", "  1  send a list of integers", "  2  quit", ""]
    lines = done.stdout.splitlines()
    assert lines[:8] == [
        *menu,
        "Your choice: 1",
        "The list, separated by commas: 1,a",
        "Item 2, 'a', is not an integer. Please try again, for example 3,1,2.",
        "The list, separated by commas: 3,1,2",
    ]
    assert lines[8:13] == [
        "  count   3",
        "  min     1",
        "  max     3",
        "  median  2",
        "  mean    2",
    ]
    assert lines[14:] == [*menu, "Your choice: 2"]


@pytest.mark.parametrize(("begin", "end"), [("", ""), ("\x1b[200~", "\x1b[201~\r")])
def test_what_is_pasted_belongs_to_the_entry(place: Place, begin: str, end: str) -> None:
    """Pasted lines are lists, answered in order; a column is one list, and its 2 does not quit.

    This holds with bracketed paste and without it.
    """
    place.worker()
    typist = Typist(place)
    typist.answers(CHOICE, "1")
    typist.answers(LIST, f"{begin}1,2\r3\r-5,7,8\r{end}", "")

    for count in ("2", "1", "3"):
        typist.reads("count   " + count)
    typist.answers(CHOICE, "1")
    typist.answers(LIST, f"{begin}3\r1\r2\r2\r{end}", "")
    typist.reads("count   4")
    typist.answers(CHOICE, "2")
    typist.child.expect(pexpect.EOF)
    assert "count" not in typist.child.before


def test_a_long_line_is_taken_whole(place: Place) -> None:
    """A list beyond the 4,095 characters of a terminal's line is answered whole."""
    place.worker()
    typist = Typist(place)
    typist.answers(CHOICE, "1")

    typist.answers(LIST, ",".join(map(str, range(2000))))

    typist.reads("count   2000")
    typist.reads("max     1999")


READ = """
from messaging.console import entry
while True:
    try:
        text = entry.read("> ")
    except ValueError as error:
        print("refused:", error)
    else:
        print("got", len(text), hash(text) == hash(",".join(map(str, range(150_000)))))
"""


def test_a_line_of_a_megabyte_is_taken_whole(place: Place) -> None:
    """A pasted line of a megabyte is answered whole."""
    line = ",".join(map(str, range(150_000)))
    typist = Typist(place, "-c", READ, PYTHONPATH=str(ROOT), PYTHONHASHSEED="1")

    typist.reads("> ")
    typing = threading.Thread(target=typist.child.send, args=[line + "\r"], daemon=True)
    typing.start()  # in a thread, since the echo has to be read meanwhile

    typist.reads(f"got {len(line)} True")


def test_a_line_that_the_terminal_may_cut_is_refused(place: Place) -> None:
    """Without line editing, a line that may have been cut is refused, with advice."""
    without = "import sys; sys.modules['readline'] = None\n" + READ
    typist = Typist(place, "-c", without, PYTHONPATH=str(ROOT))

    typist.answers("> ", "1," * 4000)
    typist.reads("does not pass through this terminal whole: put it into a file")
    typist.answers("> ", "3,1,2")
    typist.reads("got 5")


def test_nothing_pasted_chooses(place: Place) -> None:
    """Lines pasted at the menu choose nothing, whereas typed words such as `quit` do."""
    typist = Typist(place)
    typist.answers(CHOICE, "2\r2\r", "")
    typist.reads("What was pasted chooses nothing: type 1 or 2. Please try again.")
    typist.answers(CHOICE, "Quit")

    assert typist.ends() == 0


def test_q_quits_where_it_can_mean_nothing_else(place: Place) -> None:
    """q also quits where a list is asked for, since it is no list."""
    typist = Typist(place)
    typist.answers(CHOICE, "1")
    typist.answers(LIST, "q")

    assert typist.ends() == 0


def test_arrows_bring_entries_back_and_edit_them(place: Place) -> None:
    """Up recalls the last list, left edits it; menu choices are not recalled."""
    place.worker()
    typist = Typist(place)
    typist.answers(CHOICE, "1")
    typist.answers(LIST, "3,1,2", "")
    typist.reads("3,1,2")  # the echo
    typist.child.send("\r")
    typist.reads("count   3")
    typist.answers(CHOICE, "1")

    typist.answers(LIST, "\x1b[A\x1b[D5")

    typist.reads("max     52")


def test_ctrl_c_inside_an_entry_leads_back_and_claims_nothing(place: Place) -> None:
    """Ctrl-C at a prompt returns to the menu without a word on requests; at the menu it exits."""
    typist = Typist(place)
    typist.answers(CHOICE, "1")
    typist.answers(LIST, "3,1", "\x03")
    typist.child.expect_exact(CHOICE)
    assert "queue" not in typist.child.before

    typist.child.send("\x03")
    assert typist.ends() == 130


def test_ctrl_c_after_the_sending_says_what_becomes_of_it(place: Place) -> None:
    """The wait shows its seconds; Ctrl-C says what stays in the queue, and returns to the menu."""
    typist = Typist(place)
    typist.answers(CHOICE, "1")
    typist.answers(LIST, "3,1,2")
    typist.reads("Waiting for the reply ... 0 s")
    typist.reads("Waiting for the reply ... 2 s")
    assert place.messages(place.inbox()).visible == 1
    typist.child.sendintr()

    typist.reads("No longer waiting; what was sent stays in the queue.")
    typist.answers(CHOICE, "2")
    assert typist.ends() == 0


def test_a_wrong_entry_is_told_with_an_example(place: Place) -> None:
    """A wrong choice and a wrong item are quoted as typed, with an example, and asked for again."""
    typist = Typist(place)
    typist.answers(CHOICE, "x")
    typist.reads("'x' is not a choice: type 1 or 2")
    typist.answers(CHOICE, "1")
    typist.answers(LIST, "3,Moon")
    typist.reads("Item 2, 'Moon', is not an integer. Please try again, for example 3,1,2.")
    typist.answers(LIST, "1,2\r3,x\r", "")
    typist.reads("In line 2, item 2, 'x', is not an integer.")


def test_missing_credentials_are_told_before_anything_is_typed(
    place: Place, tmp_path: Path
) -> None:
    """The menu reports missing credentials first, goes on, and works once there are some."""
    place.worker()
    typist = Typist(
        place, AWS_ACCESS_KEY_ID="", AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials")
    )
    typist.child.expect_exact("No AWS credentials: run `aws configure`")
    assert "1  send a list" not in typist.child.before
    typist.answers(CHOICE, "1")
    typist.reads("No AWS credentials")
    keys = "[default]\naws_access_key_id = local\naws_secret_access_key = local\n"
    (tmp_path / "credentials").write_text(keys)

    typist.answers(CHOICE, "1")
    typist.answers(LIST, "3,1,2")
    typist.reads("count   3")


@pytest.mark.parametrize("terminal_kind", ["xterm", "dumb"])
def test_the_waiting_line_fits_the_terminal(place: Place, terminal_kind: str) -> None:
    """At 40 columns the waiting line stays on one line, however long the wait."""
    client = str(ROOT / "calculation" / "client.py")
    typist = Typist(place, client, "3,1,2", "--timeout", "2.5", COLUMNS="40", TERM=terminal_kind)

    typist.reads("Waiting for the reply ... 2 s")
    assert "\n" not in typist.child.before
    assert max(map(len, typist.child.before.split("\r"))) < 40
    assert typist.ends() == 3


def test_two_hangups_leave_no_reply_queue(place: Place) -> None:
    """A closing terminal sends SIGHUP twice; the clean-up survives that."""
    place.worker()
    for pause in (0, 0.002):
        typist = Typist(place)
        typist.answers(CHOICE, "1")
        typist.answers(LIST, "3,1,2")
        typist.reads(CHOICE)
        for _ in range(2):
            typist.child.kill(signal.SIGHUP)
            time.sleep(pause)  # as long as between the kernel's and the shell's
        assert typist.ends() == 130

    prefix = f"{place.settings.output_queue}-"
    assert not place.sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("y", "y"), ("YES", "y"), (" o ", "y"), ("oui", "y"), ("n", "n"), ("No", "n"), ("non", "n")],
)
def test_yes_and_no_are_understood_in_two_languages(word: str, meant: str) -> None:
    """A yes-or-no question accepts these words."""
    assert one_of("y", "n")(word) == meant


@pytest.mark.parametrize("word", ["", "maybe", "y\nn", "1"])
def test_anything_else_is_no_answer(word: str) -> None:
    """Any other answer has the question asked again."""
    with pytest.raises(ValueError, match="type y or n"):
        one_of("y", "n")(word)
