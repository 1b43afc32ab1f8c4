"""XML and YAML from strangers."""

import pytest

from fovea.errors import DataError
from fovea.files import xmls, yamls

BOMB = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]><x>&b;&c;</x>'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    "text", [BOMB, "<!DOCTYPE annotation><annotation/>", '<!DOCTYPE a SYSTEM "a.dtd"><a/>']
)
def test_document_types_are_refused(text, encoding):
    if encoding == "utf-16-be":
        text = f'<?xml version="1.0" encoding="UTF-16BE"?>{text}'
    with pytest.raises(DataError, match=r"^x\.xml: expected XML, got a <!DOCTYPE"):
        xmls.loads(text.encode(encoding), "x.xml")


@pytest.mark.parametrize(
    "content",
    [b"", b"<a>", b"\0\0", b"<a>&b;</a>", b'<?xml version="1.0" encoding="nonsense"?><a/>', b"<a/><b/>"],
)
def test_files_that_are_not_xml(content):
    with pytest.raises(DataError, match=r"^x\.xml: expected XML, got "):
        xmls.loads(content, "x.xml")


def test_a_hundred_thousand_elements_within_each_other():
    assert xmls.loads(b"<a>" * 100_000 + b"</a>" * 100_000, "x.xml").tag == "a"


def test_yaml_keeps_words_where_that_is_asked_for():
    assert yamls.loads(b"a: [no, 1.0, null, 2020-01-01]", "x", as_text=True) == {
        "a": ["no", "1.0", "null", "2020-01-01"]
    }
    assert yamls.loads(yamls.dumps({"a": ["no", "é", 1]}).encode(), "x") == {"a": ["no", "é", 1]}


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("content", [b"a: [", b"\xff", b"*a", b"[" * 10_000, b"\0", b"a: b: c"])
def test_files_that_are_not_yaml(content, as_text):
    with pytest.raises(DataError, match=r"^x: expected YAML, got "):
        yamls.loads(content, "x", as_text=as_text)
