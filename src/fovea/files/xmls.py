"""XML from strangers: no document type, hence no entities and nothing that is fetched."""

from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from fovea.errors import DataError, mismatch


class _NoDoctype(TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ValueError("a <!DOCTYPE, which may define entities: delete it")


def loads(content: bytes, who: str) -> Element:
    """The root of the tree. Raises DataError, which names `who`, for anything but XML without a DOCTYPE."""
    parser = XMLParser(target=_NoDoctype())
    try:
        parser.feed(content)
        return parser.close()
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise DataError(mismatch(who, "XML", error)) from error
