"""The site, built afresh and served on this machine, and a headless Chromium, for `course.py test --site`."""

import functools
import http.server
import threading
import time

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import browser, pytest_configure  # noqa: F401 (a fixture and a hook of these tests, too)
from tests.site.visit import visit
from tools import build_site


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def seconds_to_build():
    """Build the site, with every warning an error, and return how long that took."""
    start = time.monotonic()
    assert build_site.build() == 0, "Sphinx warns: see above"
    return time.monotonic() - start


@pytest.fixture(scope="session")
def address(seconds_to_build):
    """Return where the built site is served."""
    handler = functools.partial(Quiet, directory=build_site.HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def visit_again(address, browser):  # noqa: F811
    """Return a function of a page's name: what a browser finds there."""
    return lambda name: visit(browser, address, name)


@pytest.fixture(scope="session")
def visited(visit_again):
    """Return a function of a page's name: what a browser finds there, looked at once for all tests."""
    return functools.cache(visit_again)


@pytest.fixture
def page(address, browser):  # noqa: F811
    """Return a function that opens a page by its name in a fresh window."""
    contexts = []

    def open_one(name, **settings):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | settings))
        page = contexts[-1].new_page()
        page.goto(name if ":" in name else f"{address}/{name}.html", wait_until="networkidle")
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def audit():
    """Return a function of an open page and axe-core's context: what it holds against it, serious or critical."""
    def run(page, context):
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate("context => axe.run(context, {resultTypes: ['violations']})", context)["violations"]
        return [(each["id"], each["help"], [node["html"][:200] for node in each["nodes"]][:5], len(each["nodes"]))
                for each in found if each["impact"] in ("serious", "critical")]
    return run
