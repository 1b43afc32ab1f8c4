"""Settings as people type them: names separated by commas, each alone or with a value, as in "flip,pad=4"."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fovea.errors import FoveaError, ShapeError, mismatch
from fovea.names import class_name
from fovea.ranges import number, short, typed

MOST_LISTED = 20  # names in an error


@dataclass(frozen=True)
class Settings:
    """Reads and checks the settings of one option; errors are of the class `error`.

    who: the option's name in errors. form: the settings that it expects, in words. alone: whether a name may
    be without a value.
    """

    who: str
    form: str
    error: type[FoveaError]
    alone: bool = True

    def read(self, text: str) -> dict[str, str | bool]:
        """Name → its value as text, True for a name alone. The last "=" of a setting counts, because the name
        of a class may contain one."""
        found: dict[str, str | bool] = {}
        for item in filter(str.strip, text.split(",")):
            name, equals, value = item.rpartition("=")
            name = class_name(name if equals else item)
            if not name.strip() or (not value.strip() if equals else not self.alone):
                raise self.refused(item.strip())
            if name in found:
                raise self.error(mismatch(self.who, "each name once", f"{name!r} twice"))
            found[name] = value.strip() if equals else True
        return found

    def refused(self, got: object) -> FoveaError:
        """The error for settings of another form."""
        return self.error(mismatch(self.who, self.form, short(got)))

    def check_known(self, name: str, known: Iterable[str]) -> None:
        """Raise an error, with a suggestion, where `name` is none of the `known` ones."""
        known = list(known)
        if name not in known:
            listed = ", ".join(known[:MOST_LISTED]) + (" and so on" if len(known) > MOST_LISTED else "")
            raise self.error(mismatch(self.who, f"some of {listed}", repr(name), suggestion(name, known)))

    def number(self, name: str, value: Any) -> float:
        """`value`, a number or its text, as a finite number of at least 0."""
        who, expected = f"{self.who}: {name}", "a number of at least 0"
        if value is True:
            raise self.error(mismatch(who, expected, "none"))
        try:
            return number(typed(value), who, expected, 0)
        except ShapeError as error:
            raise self.error(str(error)) from error


def suggestion(name: str, known: Iterable[str]) -> str:
    """The remedy for a misspelt name: "did you mean momentum?", or "" where none is similar."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), 1)
    return f"did you mean {found[0]}?" if found else ""
