"""Every page of the site, as a browser finds it."""

import re
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from tests.site.visit import OPEN_ALL
from tools import build_site
from tools.write_badges import ROOT
from tools.write_badges import address as published_address

LESSONS = [f"lessons/{path.stem}" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
TEXTS = ["index", "ladder", "glossary", "instructors", "contributing"]
PAGES = [*TEXTS, *LESSONS, "search", "genindex"]
on_every_page = pytest.mark.parametrize("name", PAGES)
on_every_lesson = pytest.mark.parametrize("name", LESSONS)


def test_builds_within_two_minutes(seconds_to_build):
    assert seconds_to_build < 120


def test_every_built_page_is_looked_at(seconds_to_build):
    assert {str(path.relative_to(build_site.HTML).with_suffix("")).replace("\\", "/")
            for path in build_site.HTML.rglob("*.html")} == set(PAGES)


@on_every_page
def test_console_shows_no_error(visited, name):
    assert not visited(name).errors


@on_every_page
def test_asks_no_other_host(visited, address, name):
    assert not [url for url in visited(name).requests if not url.startswith((address, "data:"))]


@on_every_page
def test_everything_asked_for_arrives(visited, name):
    assert not visited(name).failed


@on_every_page
def test_no_picture_is_broken_or_without_words(visited, name):
    assert not visited(name).broken_images
    assert not visited(name).images_without_text


@on_every_page
def test_every_link_leads_somewhere(visited, address, name):
    broken = []
    for link in visited(name).links:
        target, anchor = urldefrag(link)
        path = unquote(urlsplit(target).path).strip("/") or "index.html"
        if not target.startswith(address):
            continue
        if not (build_site.HTML / path).is_file():
            broken.append(link)
        elif anchor and path.endswith(".html") and unquote(anchor) not in visited(path.removesuffix(".html")).ids:
            broken.append(link)
    assert not broken


@on_every_page
def test_links_to_other_hosts_are_the_courses_own(visited, address, name):
    repository, _ = published_address()
    ours = address, repository, repository.replace("https://github.com", "https://colab.research.google.com/github")
    known = "https://jupyterhub.readthedocs.io", "https://pypi.org", "https://www.python.org", "https://docs.python.org"
    assert not [link for link in visited(name).links if not link.startswith((*ours, *known))]


@on_every_page
def test_no_formula_is_left_as_source(visited, name):
    found = visited(name)
    assert not found.unset_formulas
    assert not re.findall(r".{0,20}(?:\$[^\s\d]|\\[a-zA-Z]{2,}).{0,20}", found.text)


@on_every_lesson
def test_has_its_formulas(visited, name):
    assert visited(name).formulas >= 10


@on_every_page
def test_nothing_is_wider_than_the_window(visited, name):
    assert not visited(name).too_wide


@on_every_lesson
def test_is_light(visited, name):
    assert visited(name).bytes <= 2.5e6


@on_every_lesson
def test_is_there_at_once(visited, visit_again, name):
    seen = visited(name).seen
    for _ in range(3):  # the page's own time, and not that of what else the machine does
        if seen.largest > 1500:  # milliseconds
            seen = visit_again(name).seen
    assert 0 < seen.first <= seen.largest <= 1500


@on_every_page
def test_nothing_moves_while_it_loads(visited, name):
    assert visited(name).seen.shift < 0.01, visited(name).seen.moved


@on_every_page
def test_card_shows_the_latent_plane(visited, address, name):
    picture = urlsplit(urljoin(f"{address}/{name}", visited(name).card)).path
    assert picture.endswith("/_static/vae_plane.png")
    assert (build_site.HTML / "_static/vae_plane.png").is_file()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@on_every_page
def test_audit_finds_nothing_serious(page, audit, name, scheme, width):
    looked_at = page(name, color_scheme=scheme, viewport={"width": width, "height": 900})
    looked_at.evaluate(OPEN_ALL)
    looked_at.wait_for_timeout(200)
    # Without thousands of boxes that are alike: code has a test of its own, and formulas have the text's colour and
    # are hidden from screen readers, which read the MathML beside them.
    assert not audit(looked_at, {"exclude": [".katex", ".highlight"]})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_audit_finds_nothing_serious_in_code(page, audit, scheme):
    assert not audit(page("lessons/00_start_here", color_scheme=scheme), {"include": [".highlight"]})


REACHABLE = """() => {
  const visible = each => each.checkVisibility({checkOpacity: false, checkVisibilityCSS: true}) && each.tabIndex >= 0;
  window.links = [...document.querySelectorAll("a[href], summary, button")].filter(visible);
  window.reached = new Set();
  document.addEventListener("focusin", event => reached.add(event.target));
  return links.length;
}"""


@on_every_page
def test_keyboard_alone_reaches_every_link(page, name):
    looked_at = page(name)
    looked_at.evaluate(OPEN_ALL)
    count = looked_at.evaluate(REACHABLE)
    assert count > 10
    for _ in range(3 * count + 100):
        looked_at.keyboard.press("Tab")
        if looked_at.evaluate("document.activeElement === document.body"):
            break
    assert not looked_at.evaluate("links.filter(each => !reached.has(each)).map(each => each.outerHTML.slice(0, 200))")
