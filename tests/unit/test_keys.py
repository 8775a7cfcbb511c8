"""Keys name results by one rule, and never a path outside the chosen folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image.files import Source
from image.keys import check_key, file_name, result_key


@pytest.mark.parametrize(
    ("key", "result"),
    [
        ("Moon.jpg", "Moonprocessed.jpg"),
        ("moon", "moonprocessed"),
        ("a.b/moon", "a.b/moonprocessed"),
        ("a/.hidden", "a/.hiddenprocessed"),
        ("x.tar.gz", "x.tarprocessed.gz"),
    ],
)
def test_the_result_is_named_after_the_image(key: str, result: str) -> None:
    """`processed` is inserted before the extension of the last part."""
    assert result_key(key) == result


@pytest.mark.parametrize(
    "key",
    ["", "logs/x", "payloads/x", "../x", "a/../b", "/x", "x/", "a//b", ".", "a\n", "x" * 1016],
)
def test_keys_that_no_image_may_have(key: str) -> None:
    """Reserved prefixes, odd parts, control characters and excess length are refused."""
    with pytest.raises(ValueError, match="key"):
        check_key(key)


@given(st.text(max_size=30), st.sampled_from(["out", "."]))
def test_a_key_never_leaves_the_output_folder(key: str, output: str) -> None:
    """Whatever the key, the file is directly in the folder, or there is none."""
    try:
        target = Source(Path("x"), key).target(Path(output))
    except ValueError:
        return
    assert target.parent == Path(output)
    assert target.name == file_name(key)
    assert not set(target.name) & set("/\0")
