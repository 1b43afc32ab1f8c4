"""JSON as every parser reads it, without NaN and infinity: all that Fovea writes as JSON comes from here."""

import json
from typing import Any

from fovea.errors import DataError, mismatch


def dumps(content: Any, **options: Any) -> str:
    """`content` as `json.dumps` writes it. Raises DataError for numbers that JSON has no word for."""
    try:
        return json.dumps(content, allow_nan=False, **options)
    except ValueError as error:
        raise DataError(mismatch("JSON", "finite numbers", "NaN or infinity")) from error


def loads(text: str | bytes, who: str) -> Any:
    """What `text` says. Raises DataError, in the name of `who`, for all that is no JSON."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(mismatch(who, "JSON", reason(error))) from error


def reason(error: Exception) -> str:
    """Why a text cannot be read, in one line, as JSON's and YAML's readers say it, or in plainer words."""
    if isinstance(error, RecursionError):
        return "lists in lists without end"
    if "digits" in str(error):  # Python reads no whole number of more than 4,300 digits
        return "a number of thousands of digits"
    return " ".join(str(error).split())


def _refuse(word: str) -> None:
    raise ValueError(f"{word}, which JSON does not have")
