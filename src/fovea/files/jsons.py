"""JSON, without NaN and infinity unless they are asked for."""

import json
from typing import Any

from fovea.errors import DataError, mismatch


def dumps(content: Any, **options: Any) -> str:
    """`content` as `json.dumps` writes it. Raises DataError for NaN and infinity."""
    try:
        return json.dumps(content, allow_nan=False, **options)
    except ValueError as error:
        raise DataError(mismatch("JSON", "finite numbers", "NaN or infinity")) from error


def loads(text: str | bytes, who: str, *, strict: bool = True) -> Any:
    """The content of `text`, with NaN and infinity only if not `strict`. Raises DataError, which names `who`,
    if it is not JSON."""
    try:
        return json.loads(text, parse_constant=_refuse if strict else None)
    except (ValueError, RecursionError) as error:
        raise DataError(mismatch(who, "JSON", reason(error))) from error


def reason(error: Exception) -> str:
    """An error of a JSON or YAML parser in one line, in plainer words where they are obscure."""
    if isinstance(error, RecursionError):
        return "lists nested too deeply"
    if "digits" in str(error):  # Python refuses whole numbers of more than 4,300 digits
        return "a number of thousands of digits"
    return " ".join(str(error).split())


def _refuse(word: str) -> None:
    raise ValueError(f"{word}, which JSON does not have")
