"""The requests of the page, by the last part of the address: handlers that call `Look`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from fovea.apps.look import views
from fovea.apps.look.scene import Scene
from fovea.apps.look.session import Look
from fovea.apps.look.step_by_step import steps
from fovea.apps.look.views import Answer
from fovea.errors import FoveaError, mismatch
from fovea.files import jsons

Handler: TypeAlias = Callable[[Look, Any], Answer]
Query: TypeAlias = Mapping[str, Any]

_DEEPEST = 10  # nested lists and objects: the weights of a changed filter have six
_LARGEST = 1e300


def _on_scene(question: Callable[[Scene, Query], Answer]) -> Handler:
    """A handler that parses JSON and calls `question` with the scene in it."""

    def handler(look: Look, body: bytes) -> Answer:
        query = _json(body)
        return question(look.scene(query), query)

    return handler


def _json(body: bytes) -> Query:
    """The JSON object in `body`. Raises FoveaError for invalid JSON, for text that is not Unicode, numbers
    near the end of float64, and deep nesting."""
    query = jsons.loads(body, "request")
    _check(query, _DEEPEST)
    if not isinstance(query, dict):
        raise FoveaError(mismatch("request", "a JSON object", type(query).__name__))
    return query


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FoveaError(mismatch("request", "text", "half of a surrogate pair")) from error
    if isinstance(value, int | float) and abs(value) > _LARGEST:
        raise FoveaError(mismatch("request", f"numbers up to {_LARGEST:g}", "a larger one"))
    if isinstance(value, dict | list):
        if not depth:
            raise FoveaError(mismatch("request", f"at most {_DEEPEST} nested lists", "more"))
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(inner, depth - 1)


def _text(query: Query, name: str) -> str:
    value = query.get(name)
    if not isinstance(value, str):
        raise FoveaError(mismatch(f"request: {name}", "a text", repr(value)))
    return value


def _whole(query: Query, name: str, default: int | None = None) -> int:
    value = query.get(name, default)
    try:
        if isinstance(value, str | int) and not isinstance(value, bool) and abs(number := int(value)) < 2**31:
            return number
    except ValueError:
        pass
    raise FoveaError(mismatch(f"request: {name}", "a whole number", repr(value)))


def _optional(query: Query, name: str) -> int | None:
    return None if query.get(name) is None else _whole(query, name)


def _selection(query: Query) -> dict[str, Any]:
    """The filter for gradients by weights, and the class for the loss."""
    return {"column": _whole(query, "column", 0), "label": _optional(query, "label")}


def _preset(look: Look, query: Query) -> Answer:
    return views.preset(look.network, _text(query, "layer"), _text(query, "name"))


# By GET, from the address's query
READ: Mapping[str, Handler] = {
    "model": lambda look, query: look.describe(),
    "pictures": lambda look, query: look.pictures(
        _text(query, "part"),
        _whole(query, "start", 0),
        _whole(query, "count", 30),
        _optional(query, "label"),
    ),
    "training": lambda look, query: look.training(query.get("picture", "")),
    "painting": lambda look, query: look.studio.progress(_whole(query, "number"), _whole(query, "seen", 0)),
}

UPLOADS = ("picture", "photograph", "mask")  # of `SENT`, whose body is a file

# By POST, from the body: a file, or JSON
SENT: Mapping[str, Handler] = {
    "picture": lambda look, body: look.picture(body),
    "photograph": lambda look, body: look.studio.photograph(body),
    "mask": lambda look, body: look.studio.mask(body),
    "styles": lambda look, body: look.studio.styles(_json(body)),
    "paint": lambda look, body: look.studio.paint(_json(body)),
    "paint-in-detail": lambda look, body: look.studio.start(_json(body)),
    "stop-painting": lambda look, body: look.studio.stop(_whole(_json(body), "number")),
    "steps": lambda look, body: steps(_json(body)),
    "preset": lambda look, body: _preset(look, _json(body)),
    "overview": _on_scene(lambda scene, query: views.overview(scene)),
    "layer": _on_scene(
        lambda scene, query: views.layer(
            scene,
            _text(query, "layer"),
            _text(query, "view"),
            start=_whole(query, "start", 0),
            **_selection(query),
        )
    ),
    "trace": _on_scene(
        lambda scene, query: views.trace(
            scene, _text(query, "layer"), _text(query, "view"), query.get("at"), **_selection(query)
        )
    ),
    "attention": _on_scene(
        lambda scene, query: views.attention(scene, _text(query, "how"), _optional(query, "label"))
    ),
}
