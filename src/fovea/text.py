"""Names as text. Classes, files and layers may be called anything that a file system or a model file allows:
what a terminal or a file system would obey is written out here, and nothing else is changed.
"""

import logging
import re
import unicodedata

_JOINERS = "\u200c\u200d"  # parts of words and of emoji
_CONTROLS = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # control, format (direction), surrogates, line ends
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # on Windows


def visible(text: str) -> str:
    r"""`text` in one line, for people to read: control characters, changes of direction, line ends and what
    is no Unicode are written as \x1b, \u202e, \n, \udcff."""
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _CONTROLS and char not in _JOINERS
        else char
        for char in text
    )


def file_name(text: str, most: int = 100) -> str:
    """Part of a file's name, for every system: letters, digits and ._- of `text`, `most` bytes of them; ""
    where that leaves nothing. Different texts may give the same one, also but for their case."""
    safe = re.sub(r"[^\w.-]", "_", text).encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")
    safe = safe.lstrip(".").rstrip(".")
    return f"_{safe}" if _RESERVED.fullmatch(safe) else safe


def warn(text: str) -> None:
    """Report in one line on standard error what does not end the work; the logger "fovea" has it."""
    logging.getLogger("fovea").warning("fovea: %s", visible(text))
