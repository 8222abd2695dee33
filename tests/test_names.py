"""Names from outside: what can be no file name is refused, or turned into one."""

import pytest

from gan_sep.audio import AudioFormat
from gan_sep.names import LONGEST, file_name, plain_name, title


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "...wav",
        ".hidden",
        "../../../ESCAPED",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\nb",
        "a\0b",
        "a\x1b[31m",
        "\u202egpj",
        " a",
        "a" * 251,
        "я" * 126,
    ],
)
def test_what_would_leave_its_folder_or_fit_in_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^song: expected a plain file name"):
        plain_name(name, "song")
    with pytest.raises(ValueError, match="sources"):
        AudioFormat(sources=("bass", name))


def test_a_long_name_is_shown_cut() -> None:
    with pytest.raises(ValueError, match="bytes, got 'aaa") as refused:
        plain_name("a" * 100_000, "song")
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "name", ["lead voice", "Gitarre (überall)", "ボーカル", 'Who? "Me": 1.5', "etc.", "я" * 125]
)
def test_usual_names_stay(name: str) -> None:
    assert plain_name(name, "song") == name
    assert AudioFormat(sources=("bass", name)).sources[1] == name


def test_sources_that_one_file_would_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="differ by more than capitals"):
        AudioFormat(sources=("Bass", "bass"))


NAMES = [
    "plain title",
    "a/b",
    "..",
    ".",
    "%2E%2E",
    "я" * 41,
    "ボ" * 27,
    "a" * 250,
    "a" * 251,
    "no utf-8: \udcff\udcfe",
    "new\nline",
    "",
]


def test_any_name_has_a_file_name_of_its_own() -> None:
    found = [file_name(name) for name in NAMES[:-1]]
    assert len(set(found)) == len(found)
    for name in found:
        assert len(name.encode()) <= LONGEST
        assert "/" not in name
        assert name.strip(".")
    assert found[0] == "plain title"
    assert found[5] != file_name("я" * 40)


def test_a_title_can_be_written_as_text() -> None:
    assert title("Größe ボ") == "Größe ボ"
    assert title("T\udcff\udcfe") == r"T\xff\xfe"
