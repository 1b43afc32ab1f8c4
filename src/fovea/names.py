"""Names and text for people: Unicode normalisation, distinct class names, printing.

é is one code point or two, e and a combining accent; macOS writes folder names the second way, most systems
the first. Names are compared in NFC, the composed form (Unicode Standard Annex #15).
"""

import logging
import os
import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from unicodedata import normalize


def same(text: str) -> str:
    """`text` in NFC: equal for texts that differ only in the encoding of accents."""
    return normalize("NFC", text)


def class_name(text: str) -> str:
    """The class named by a folder or a line of a list: in NFC, without surrounding blanks."""
    return same(text).strip() or text


def repeated(names: Iterable[str]) -> dict[str, list[int]]:
    """Each name that occurs more than once → its positions."""
    positions: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        positions.setdefault(name, []).append(number)
    return {name: numbers for name, numbers in positions.items() if len(numbers) > 1}


def counted(n: int, noun: str) -> str:
    """`n` and the noun, in the plural unless n is 1: 1 picture, 2,000 classes."""
    ending = "es" if noun.endswith(("s", "x", "tch")) else "s"
    return f"{n:,} {noun}{'' if n == 1 else ending}"


def listed(doubles: Mapping[str, Sequence[int]], most: int = 5) -> str:
    """The result of `repeated` as text: `'crane' (134, 517), 'maillot' (638, 639)`."""
    shown = [f"{name!r} ({', '.join(map(str, numbers))})" for name, numbers in doubles.items()]
    return ", ".join(shown[:most] + (["…"] if len(shown) > most else []))


def distinct(names: Iterable[str]) -> list[str]:
    """Class names, with the position appended to those that occur more than once: `crane (134)`,
    `crane (517)`."""
    names = [class_name(name) for name in names]
    while doubles := repeated(names):
        for name, numbers in doubles.items():
            for number in numbers:
                names[number] = f"{name} ({number})"
    return names


_JOINERS = "\u200c\u200d"  # parts of words and of emoji
_CONTROLS = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # control, format (direction), surrogates, line ends
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # on Windows


def is_text(name: str) -> bool:
    """True if the name can be encoded: JSON, and file systems whose names are bytes, may give half of a
    surrogate pair, which is not valid Unicode."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def visible(text: str) -> str:
    r"""`text` in one line, with control characters, changes of direction, line ends and invalid Unicode
    escaped, as in \x1b, \u202e, \n, \udcff."""
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _CONTROLS and char not in _JOINERS
        else char
        for char in text
    )


def typed(path: object) -> str:
    r"""`path` as one argument of a shell command: quoted if needed, with invisible characters as $'\x1b', and
    ./ before a name that would be an option."""
    path = str(path)
    path = f"./{path}" if path.startswith("-") else path
    if visible(path) == path:
        return shlex.quote(path)
    plain = (char if visible(char) == char and char not in "\\'" else _escaped(char) for char in path)
    return f"$'{''.join(plain)}'"


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


def file_name(text: str, most: int = 100) -> str:
    """Part of a file name for every system: the letters, digits and ._- of `text`, at most `most` bytes,
    perhaps "". Different texts may give the same name, or names that differ only in case."""
    safe = re.sub(r"[^\w.-]", "_", text).encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")
    safe = safe.lstrip(".").rstrip(".")
    return f"_{safe}" if _RESERVED.fullmatch(safe) else safe


def figure(value: float, digits: int = 3) -> str:
    """A number to read: "0.043", with `digits` after the point; from 10,000 on in four digits, "1.2e+38"."""
    return f"{value:.{digits}f}" if abs(value) < 10_000 else f"{value:.4g}"


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table with columns two blanks apart; those whose numbers are in `right` end flush."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def say(*columns: object) -> None:
    """Print a line on standard output, with a tab between columns."""
    print(*(visible(str(column)) for column in columns), sep="\t", flush=True)


def warn(text: str) -> None:
    """Print a one-line warning on standard error, by the logger "fovea"."""
    logging.getLogger("fovea").warning("fovea: %s", visible(text))
