"""Names from outside become parts of paths here and nowhere else."""

import hashlib
import re
from urllib.parse import quote

MOST_BYTES = 250  # of a name, of the 255 that file systems take: a suffix comes to it
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what a spreadsheet computes, perhaps quoted already
LONGEST = 200  # characters of a quoted name


def plain_name(name: str, what: str) -> str:
    """The name itself, where it can be that of a file or folder in any folder.

    Raises ValueError, beginning with `what`, where it is empty, holds a separator or a character
    that cannot be printed, begins with a dot or a space, or is too long.
    """
    length = len(name.encode(errors="surrogateescape"))
    reason = None
    if not name or name[0] in ". ":
        reason = "that does not begin with a dot or a space"
    elif any(each in "/\\" or not each.isprintable() for each in name):
        reason = "without separators and control characters"
    elif length > MOST_BYTES:
        reason = f"of at most {MOST_BYTES} bytes"
    if reason:
        shown = ascii(name if len(name) <= 80 else name[:80] + "...")
        raise ValueError(f"{what}: expected a plain file name {reason}, got {shown}")
    return name


def title(name: str) -> str:
    """A file's name as text that can be written anywhere: bytes that are no UTF-8 become \\xNN."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def file_name(name: str) -> str:
    """A file name for any name, other names giving other ones: quoted, and cut where too long."""
    quoted = quote(name, safe=" ", errors="surrogateescape")
    if quoted.strip(".") == "":
        quoted = quoted.replace(".", "%2E")
    if len(quoted) <= LONGEST:
        return quoted
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:16]
    cut = quoted[: LONGEST - 17].rstrip("%")
    return f"{cut}~{digest}"


def to_cell(value: object) -> object:
    """A cell of a CSV file: an apostrophe stands before text that begins with = + - @ or tab."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def from_cell(text: str) -> str:
    """What `to_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
