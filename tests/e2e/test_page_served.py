"""How the page comes over the wire."""

from __future__ import annotations

import gzip
import urllib.request

from tests.hub_process import HubProcess

MOST_BYTES = 150_000
FILES = ("", "page.js", "page.css", "icon.svg", "manifest.webmanifest")


def fetch(hub: HubProcess, path: str) -> tuple[dict[str, str], bytes]:
    request = urllib.request.Request(
        f"http://{hub.address}/{path}", headers={"Accept-Encoding": "gzip"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def test_all_of_the_page_is_under_its_promised_size(hub: HubProcess) -> None:
    assert sum(len(fetch(hub, path)[1]) for path in FILES) < MOST_BYTES


def test_the_page_comes_compressed_and_is_asked_for_anew(hub: HubProcess) -> None:
    headers, body = fetch(hub, "page.js")
    assert headers["content-encoding"] == "gzip"
    assert headers["cache-control"] == "no-cache"
    assert headers["content-type"].startswith("text/javascript")
    assert len(gzip.decompress(body)) > len(body)


def test_every_file_of_the_page_is_served_under_a_strict_policy(hub: HubProcess) -> None:
    for path in FILES:
        headers, body = fetch(hub, path)
        assert body
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
    kind = fetch(hub, "manifest.webmanifest")[0]["content-type"]
    assert "json" in kind
