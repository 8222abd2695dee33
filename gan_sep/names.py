"""Names from outside become parts of paths here and nowhere else."""

import hashlib
from urllib.parse import quote

LONGEST = 200  # bytes of a file's name, of the 255 that file systems take: suffixes come to it


def plain_name(name: str, what: str) -> str:
    """The name itself, where it can be that of a file or folder in any folder.

    Raises ValueError, beginning with `what`, where it is empty, holds a separator or a character
    that cannot be printed, begins with a dot or a space, or is too long.
    """
    length = len(name.encode(errors="surrogateescape"))
    reason = None
    if not name or name[0] in ". " or name[-1] in ". ":
        reason = "which neither begins nor ends with a dot or a space"
    elif any(each in '/\\:*?"<>|' or not each.isprintable() for each in name):
        reason = 'without control characters and any of / \\ : * ? " < > |'
    elif length > LONGEST:
        reason = f"of at most {LONGEST} bytes"
    if reason:
        shown = ascii(name if len(name) <= 80 else name[:80] + "...")
        raise ValueError(f"{what}: expected a plain file name {reason}, got {shown}")
    return name


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
