"""Looks at every page of the built site with Chromium: `make docs-check`.

Links and anchors lead somewhere, no page asks another host for anything, no page is wider than a phone, dark mode is dark, and the search
finds what the site is about. Pictures of some pages are left in build/site-check.
"""

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from .project import PROJECT

SITE = PROJECT / "build" / "site"
PICTURES = PROJECT / "build" / "site-check"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
SHOWN = ("index.html", "tutorial.html", "patterns/index.html", "patterns/tls-ambassador.html", "concepts.html", "reference.html")
"""Pages of which pictures are taken."""
SOUGHT = {"mutual TLS": "tls-ambassador", "certificate expires": "expiry", "Vault": "vault"}
"""What somebody may look for, and part of the address of a page that must be found."""


class _Anchors(HTMLParser):
    """The ids and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes them."""
        given = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := given.get(name))}
        self.links += [value for name in ("href", "src") if tag != "base" and (value := given.get(name))]


def broken_links() -> Iterator[str]:
    """A line for every link of the site that leads nowhere."""
    pages = {path.relative_to(SITE).as_posix(): _Anchors(path.read_text(encoding="utf-8")) for path in SITE.rglob("*.html")}
    for name, page in pages.items():
        # its links are from the root of wherever the site is
        for link in page.links if name != "404.html" else ():
            url = urlsplit(urljoin(f"http://site/{name}", link))
            if url.netloc != "site":
                continue
            target = unquote(url.path).lstrip("/")
            target = f"{target}index.html" if target.endswith("/") or not target else target
            if not (SITE / target).is_file():
                yield f"{name}: {link} leads nowhere"
            elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].ids:
                yield f"{name}: {link} has no such place"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


def looked_at(browser: Browser, base: str) -> Iterator[str]:
    """A line for everything that is wrong with how the pages look and work."""
    names = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    for scheme, size in (("light", PHONE), ("dark", DESK)):
        page = browser.new_page(viewport=size, color_scheme=scheme)
        asked: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        for name in names:
            page.goto(f"{base}/{name}")
            yield from (f"{name}: {line}" for line in _of_page(page, scheme))
            yield from (f"{name}: {error}" for error in errors)
            errors.clear()
            if name in SHOWN:
                page.screenshot(path=PICTURES / f"{name.removesuffix('.html').replace('/', '-')}-{scheme}-{size['width']}.png")
        yield from (f"{url} is of another host" for url in sorted(set(asked)) if not url.startswith(base))
        page.close()


def _of_page(page: Page, scheme: str) -> Iterator[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if wide > 0:
        yield f"is {wide} pixels wider than the screen"
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    if (sum(colour) / 3 < 128) != (scheme == "dark"):
        yield f"has the background {colour} in {scheme} mode"
    if not page.title() or page.locator("h1").count() != 1:
        yield "has no title, or not one heading"


def searched(browser: Browser, base: str) -> Iterator[str]:
    """A line for everything that is not found."""
    page = browser.new_page(viewport=DESK)
    for words, wanted in SOUGHT.items():
        page.goto(f"{base}/index.html")
        page.locator("input.md-search__input").click()
        page.keyboard.type(words, delay=20)
        results = page.locator(".md-search-result__link")
        results.first.wait_for(timeout=10_000)
        page.wait_for_timeout(500)
        found = [str(results.nth(index).get_attribute("href")) for index in range(min(results.count(), 10))]
        if not any(wanted in address for address in found):
            yield f"a search for {words!r} finds {', '.join(found)}"
        page.screenshot(path=PICTURES / f"search-{words.replace(' ', '-')}.png")
    page.close()


def main() -> None:
    """Looks at everything; exits with what is wrong."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is missing; install it, e.g. with: apt-get install chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    wrong = list(broken_links())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(SITE))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            wrong += [*looked_at(browser, base), *searched(browser, base)]
            browser.close()
        server.shutdown()
    for line in wrong:
        print(line, file=sys.stderr)
    pages = len(list(Path(SITE).rglob("*.html")))
    print(f"{pages} pages looked at, {len(wrong)} faults; pictures are in {PICTURES.relative_to(PROJECT)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
