"""A JupyterLab of its own and a headless Chromium, for the tests of `course.py test --browser`."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbconvert.preprocessors import ClearOutputPreprocessor

from tests.browser.jupyterlab_page import PATIENCE, SECONDS, Notebook

try:
    from playwright.sync_api import sync_playwright
except ModuleNotFoundError:
    sync_playwright = None

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"
BROWSERS = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
QUIET = "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"
AS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
BROWSER = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_configure():
    if sync_playwright is None:
        raise pytest.UsageError("The browser tests need Playwright's Python client: run them by "
                                "`python3 course.py test --browser`, which installs it.")
    if not BROWSER:
        raise pytest.UsageError("The browser tests need Chromium: install it (Debian and Ubuntu: apt install "
                                "chromium), or say where it is: set CHROMIUM to its path")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Start JupyterLab on copies of the notebooks, without outputs; return a function of a name that gives addresses.

    It has settings, kernels' folders and a course folder of its own, so that it neither finds nor leaves anything.
    """
    home = tmp_path_factory.mktemp("jupyterlab")
    folders = {name: str(home / name.lower()) for name in (
        "COURSE_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
        "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")}
    news = Path(folders["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab/apputils-extension/notification.jupyterlab-settings")
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}')  # neither a question nor the network
    notebooks = home / "notebooks"
    notebooks.mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook, _ = ClearOutputPreprocessor().preprocess(nbformat.read(path, as_version=4), {})
        nbformat.write(notebook, notebooks / path.name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, address = secrets.token_hex(), f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", f"--port={port}",
               "--ip=127.0.0.1", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
               f"--ServerApp.root_dir={notebooks}", *(["--allow-root"] if AS_ROOT else [])]
    log = home / "log.txt"
    with log.open("w") as output, subprocess.Popen(command, env=os.environ | folders, stdout=output,
                                                   stderr=subprocess.STDOUT) as server:
        try:
            wait_for_server(address, server, log)
            # Each notebook in a workspace of its own: JupyterLab loads a second page of the same one anew.
            yield lambda number: (f"{address}/lab/workspaces/lesson-{number}/tree/"
                                  f"{next(notebooks.glob(f'{number}_*')).name}?token={token}")
        finally:
            server.terminate()


def wait_for_server(address, server, log):
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            return urllib.request.urlopen(f"{address}/api", timeout=5).close()
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab does not answer. It says:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, chromium_sandbox=not AS_ROOT, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_notebook(lab, browser):
    """Return a function of a lesson's number that opens its notebook; all are closed after the module's tests."""
    opened = []

    def open_one(number):
        page = browser.new_page(viewport={"width": 1300, "height": 1200})
        page.set_default_timeout(PATIENCE * SECONDS)
        opened.append(Notebook(page, lab(number)))
        return opened[-1]

    yield open_one
    for notebook in opened:
        if not notebook.page.is_closed():
            notebook.close()


@pytest.fixture(scope="session")
def screenshot():
    """Return a function of a page and a name that keeps a picture of what the reader sees."""
    SCREENSHOTS.mkdir(exist_ok=True)
    return lambda page, name: page.screenshot(path=SCREENSHOTS / f"{name}.png")
