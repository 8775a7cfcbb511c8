"""The summary is exact, and what is no list of integers is refused with the item at fault."""

import contextlib
import statistics
from fractions import Fraction
from typing import Callable, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculation import packing
from calculation.integers import check
from calculation.summary import Summary, summarise

BIG = 10**299
MAX = 2**63 - 1
integers = st.one_of(
    st.integers(-99, 99),
    st.integers(-(2**64), 2**64),
    st.integers(-BIG, BIG),
    st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, BIG, -BIG]),
)
blanks = st.text(" \t\r\n", max_size=2)
LONG = ",".join(["7"] * 20_000)  # long enough for numpy to parse


def together(text: str) -> Summary:
    """Have a list summarised between others of its message, as short lists are."""
    if "\n" in text or len(text) > packing.ROOM:  # these get a message of their own
        return summarise(text)
    body = "\n".join(["1,a", text, "5"])
    answers = packing.read_all(packing.answer(packing.unpack(body, 3)), 3)
    assert answers
    before, outcome, after = answers
    assert before == "item 2, 'a', is not an integer"
    assert after == Summary(1, 5, 5, 5, 5.0)
    if isinstance(outcome, str):
        raise ValueError(outcome)
    return outcome


WAYS = pytest.mark.parametrize("summarise", [summarise, together], ids=["alone", "together"])
Way = Callable[[str], Summary]


def expected(values: List[int]) -> Summary:
    """Return the summary computed with fractions."""
    ordered = sorted(values)
    count = len(values)
    middle = Fraction(ordered[(count - 1) // 2] + ordered[count // 2], 2)
    median = int(middle) if middle.denominator == 1 else float(middle)
    mean = float(Fraction(sum(values), count))
    return Summary(count, min(values), max(values), median, mean)


@WAYS
@given(st.lists(integers, min_size=1, max_size=30))
def test_summary_equals_exact_fractions(summarise: Way, values: List[int]) -> None:
    """Min and max are exact, mean and median the nearest floats."""
    assert summarise(",".join(map(str, values))) == expected(values)


@given(st.lists(integers, min_size=1, max_size=30), st.integers(-(2**63), 2**63))
def test_long_list_equals_exact_fractions(values: List[int], filler: int) -> None:
    """A list that numpy parses has the same summary as one that Python parses."""
    values = [*values, *([filler] * (20_000 - len(values)))]

    assert summarise(",".join(map(str, values))) == expected(values)


def test_list_of_megabytes_equals_exact_fractions() -> None:
    """A list parsed by several threads has the same summary and errors."""
    values = [*range(-300_000, 300_000), 2**70, *range(100_000), -(2**63)]
    text = ",".join(map(str, values))

    assert len(text) > 4 * 2**20
    assert summarise(text) == expected(values)
    with pytest.raises(ValueError, match=rf"^item {len(values) + 1}, 'x', is not an integer"):
        summarise(f"{text},x,{text},y")


@WAYS
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=20))
def test_summary_agrees_with_the_statistics_module(summarise: Way, values: List[int]) -> None:
    """The summary agrees with the standard library's statistics."""
    summary = summarise(",".join(map(str, values)))

    assert summary.median == statistics.median(values)
    assert summary.mean == pytest.approx(statistics.fmean(values))


@WAYS
@pytest.mark.parametrize("prefix", ["", LONG + ","], ids=["short", "long"])
@given(st.lists(st.tuples(blanks, st.integers(-(2**70), 2**70), blanks), min_size=1, max_size=9))
def test_blanks_signs_and_zeros_around_a_number_do_not_count(
    summarise: Way, prefix: str, items: List[Tuple[str, int, str]]
) -> None:
    """Blanks around an item, a plus sign and leading zeros change nothing."""
    plain = prefix + ",".join(str(value) for _, value, _ in items)
    dressed = ",".join(f"{left}{_dress(value)}{right}" for left, value, right in items)

    assert summarise(prefix + dressed) == summarise(plain)


def _dress(value: int) -> str:
    return f"+00{value}" if value >= 0 else f"-0{-value}"


@WAYS
@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("5", Summary(1, 5, 5, 5, 5.0)),
        ("3,1", Summary(2, 1, 3, 2, 2.0)),
        ("1,2", Summary(2, 1, 2, 1.5, 1.5)),
        ("4,4,4", Summary(3, 4, 4, 4, 4.0)),
        ("-1,-2", Summary(2, -2, -1, -1.5, -1.5)),
        ("+7", Summary(1, 7, 7, 7, 7.0)),
        ("007", Summary(1, 7, 7, 7, 7.0)),
        (" 3,\t1\n, 2\r\n", Summary(3, 1, 3, 2, 2.0)),
        (f"{2**53},{2**53 + 1}", Summary(2, 2**53, 2**53 + 1, 2.0**53, 2.0**53)),
        (f"{2**63 - 1},{2**63}", Summary(2, 2**63 - 1, 2**63, 2.0**63, 2.0**63)),
        (f"-{2**63}", Summary(1, -(2**63), -(2**63), -(2**63), -(2.0**63))),
        (",".join([str(MAX)] * 9), Summary(9, MAX, MAX, MAX, 2.0**63)),
        (str(BIG), Summary(1, BIG, BIG, BIG, 1e299)),
    ],
)
def test_known_summaries(summarise: Way, text: str, result: Summary) -> None:
    """Edges of the number range give the results computed by hand."""
    assert summarise(text) == result
    assert packing.read(result.to_json()) == result


BAD_ITEMS = {
    "": "is empty",
    " ": "is empty",
    "1.5": "'1.5', is not an integer",
    "1e3": "'1e3', is not an integer",
    "abc": "'abc', is not an integer",
    "1_000": "'1_000', is not an integer",
    "٣": "is not an integer",
    "²": "is not an integer",
    "1 2": "'1 2', is not an integer",
    "- 5": "'- 5', is not an integer",
    "-": "'-', is not an integer",
    "--5": "'--5', is not an integer",
    "+-5": "'+-5', is not an integer",
    "1-2": "'1-2', is not an integer",
    "0x10": "'0x10', is not an integer",
    "1\x002": r"'1\x002', is not an integer",
    "1\x0b": r"'1\x0b', is not an integer",
    "9" * 301: "has 301 digits; at most 300 are allowed",
    "-" + "9" * 301: "has 301 digits; at most 300 are allowed",
    "0" * 300 + "5": "has 301 digits; at most 300 are allowed",
}


@WAYS
@pytest.mark.parametrize("item", BAD_ITEMS)
@pytest.mark.parametrize("before", ["", "8,", LONG + ","], ids=["alone", "second", "late"])
@pytest.mark.parametrize("after", ["", ",9", "," + LONG], ids=["last", "inner", "early"])
def test_what_is_no_integer_is_refused_with_its_number_and_text(
    summarise: Way, before: str, item: str, after: str
) -> None:
    """The error quotes the item and its position, counted from 1."""
    text = before + item + after
    where = f"item {before.count(',') + 1}" if text.strip() else "the list"

    with pytest.raises(ValueError, match=f"^{where}\\b") as error:
        summarise(text)

    assert BAD_ITEMS[item] in str(error.value)
    with pytest.raises(ValueError, match=f"^{where}\\b"):
        check(text)


@WAYS
@pytest.mark.parametrize("text", ["", " ", "\n\t", " " * 30_000])
def test_empty_list_is_refused(summarise: Way, text: str) -> None:
    """Blanks alone are no list."""
    with pytest.raises(ValueError, match="the list is empty"):
        summarise(text)


@given(st.text("0123456789+-, \t\n.", max_size=12))
def test_numpy_accepts_exactly_what_python_accepts(text: str) -> None:
    """Short and long lists are accepted or refused alike, with the same numbers."""

    def outcome(prefix: str) -> object:
        try:
            summary = summarise(prefix + text)
        except ValueError:
            return None
        return summary.count - (prefix.count(",") if prefix else 0)

    if text.strip():
        assert outcome(LONG + ",") == outcome("")


@WAYS
@given(st.text(max_size=20))
def test_only_value_errors_come_out(summarise: Way, text: str) -> None:
    """Whatever is typed, the result is a summary or a ValueError."""
    with contextlib.suppress(ValueError):
        assert summarise(text).count == text.count(",") + 1


@WAYS
@pytest.mark.parametrize("prefix", ["", LONG + ","], ids=["short", "long"])
@pytest.mark.parametrize(
    ("dressed", "plain"),
    [
        ("[3, 1, 2]", "3,1,2"),
        (" [3,1,2]\t", "3,1,2"),
        ("[ 5 ]", "5"),
        ("3,\u00a01,\u202f2\u2009", "3,1,2"),
        ("\u2007[3,\u00a01]\u00a0", "3,1"),
    ],
)
def test_lists_as_people_have_them(summarise: Way, prefix: str, dressed: str, plain: str) -> None:
    """A pair of brackets, and no-break or thin spaces, change nothing."""
    if prefix:
        dressed = f"[{prefix}{dressed.replace('[', '').replace(']', '')}]"

    assert summarise(dressed) == summarise(prefix + plain)
    assert check(dressed).replace(" ", "").strip() == prefix + plain


@WAYS
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[3]]", "item 1, '[3]', is not"),
        ("[3", "item 1, '[3', is not"),
        ("3]", "item 1, '3]', is not"),
        ("[3],[1]", "item 1, '3]', is not"),
        ("(3,1)", "item 1, '(3', is not"),
        ("1,2\u00a0000", "item 2, '2 000', is not"),
        ("1\u200b,2", r"item 1, '1\u200b', is not"),
        ("[]", "the list is empty"),
        ("[\u00a0]", "the list is empty"),
    ],
)
def test_other_brackets_and_inner_blanks_are_refused(
    summarise: Way, text: str, complaint: str
) -> None:
    """More or other brackets, and spaces inside an item, are refused with the item."""
    for take in (summarise, check):
        with pytest.raises(ValueError) as error:
            take(text)
        assert str(error.value).startswith(complaint)
