"""Requests that are refused, and the security headers of every reply."""

import pytest

from fovea.web.guard import Guard

PAGE = "http://127.0.0.1:8642"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8642", "localhost:8642", "LOCALHOST", "[::1]:8642", "192.168.1.7:8642"]
)
def test_own_names_and_numbers_are_answered(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8642", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1",
    "localhost@evil.example", "2130706433", "[::1]evil.example", "localhost:80evil", "localhost:",
    "localhost.", "127.0.0.1.", "[::1]:80:80", "[127.0.0.1]", "::1", "localhost:80@evil.example",
    "localhost/evil", "127.1", "localhost evil.example", "evil.example\\@localhost",
    "localhost:80,evil.example", "[]", "[localhost]",
])  # fmt: skip
def test_other_names_are_refused(client, host):
    response = client.get("/api/model", headers={"host": host})
    assert response.status_code == 403
    assert "another host" in response.json()["error"]


def test_two_hosts_are_refused(client):
    headers = [("host", "localhost"), ("host", "evil.example")]
    assert client.get("/api/model", headers=headers).status_code == 403


def test_the_name_that_it_was_told_to_listen_at_is_its_own(look):
    guard = Guard(None, ["studio.local"])
    assert guard._is_own("Studio.local:80")
    assert not guard._is_own("other.local")


@pytest.mark.parametrize("headers", [
    {"origin": "https://evil.example"}, {"origin": "http://127.0.0.1:9000"}, {"origin": "https://127.0.0.1:8642"},
    {"origin": "null"}, {"origin": ""}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"origin": PAGE, "sec-fetch-site": "cross-site"},
])  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/model"), ("POST", "/api/overview"), ("OPTIONS", "/api/overview")],
)
def test_requests_from_elsewhere_are_refused(client, method, path, headers):
    response = client.request(method, path, headers=headers)
    assert response.status_code == 403
    assert "another site" in response.json()["error"]
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "headers", [{"origin": PAGE}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {}]
)
def test_the_page_itself_is_answered(client, headers):
    assert client.get("/api/model", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/model", "/nothing"])
def test_every_reply_lets_the_browser_load_nothing_from_elsewhere(client, path):
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_a_refusal_is_marked_as_well(client):
    assert "content-security-policy" in client.get("/", headers={"host": "evil.example"}).headers


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999", "²"])
def test_a_length_that_is_none_is_refused(client, length):
    headers = {"content-length": length.encode()}
    assert client.request("POST", "/api/overview", headers=headers).status_code == 413
