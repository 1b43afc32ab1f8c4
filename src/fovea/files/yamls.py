"""YAML without the parts of it that run code."""

from collections.abc import Mapping
from typing import Any

from fovea.errors import DataError, mismatch
from fovea.files import jsons

LIMIT = 1 << 20  # bytes: YAML is slow to parse


def dumps(content: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def loads(content: bytes, who: str, *, as_text: bool = False) -> Any:
    """The content of a file; `as_text` keeps no, 1.0 and null as these words. Raises DataError, which names
    `who`, if it is not YAML."""
    import yaml

    try:
        return yaml.load(content.decode("utf-8-sig"), yaml.BaseLoader if as_text else yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # PyYAML raises all of them
        raise DataError(mismatch(who, "YAML", jsons.reason(error))) from error
