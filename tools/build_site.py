"""Build the readable edition of the course from the saved notebooks: site/_build/html. Nothing is run.

    python -m tools.build_site            (or: python3 course.py site)
    python -m tools.build_site --serve    and show it in a browser, on this machine only

Every warning is an error: a broken link, a formula that KaTeX does not understand, a picture without a file.
"""

import argparse
import functools
import http.server
import re
import shutil
import sys
import time

import nbformat

from tools.site import ladder, lessons, texts
from tools.write_badges import ROOT

BUILD = ROOT / "site/_build"
SOURCE, HTML = BUILD / "source", BUILD / "html"
PORT = 8000


def write_sources():
    """Write into site/_build/source what Sphinx reads: a page for each lesson, and the pages around them."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    (SOURCE / "lessons").mkdir(parents=True)
    course = lessons.lessons()
    for lesson in course:
        nbformat.write(lessons.page(lesson), SOURCE / "lessons" / lesson.path.name)
    pages = {"index": texts.home(course), "ladder": texts.ladder(ladder.table(course)),
             "glossary": texts.glossary(course), "instructors": texts.course_file("TEACHING.md"),
             "contributing": texts.course_file("CONTRIBUTING.md")}
    for name, text in pages.items():
        (SOURCE / f"{name}.md").write_text(text, encoding="utf-8")


def build():
    """Build the site from nothing; return Sphinx's exit status, which is 0 only without a warning."""
    from sphinx.cmd.build import build_main  # here, so that --help needs no Sphinx

    write_sources()
    shutil.rmtree(HTML, ignore_errors=True)
    status = build_main(["-q", "-W", "--keep-going", "-E", "-b", "html", "-c", str(ROOT / "site"),
                         "-d", str(BUILD / "doctrees"), str(SOURCE), str(HTML)])
    leave_out_weight()
    return status


def leave_out_weight():
    """Take out what every page of the theme would load or carry, and no page needs.

    The theme brings its twenty icons twice: in a font, and in a script of 1.5 MB that moves the page as it draws them.
    """
    for page in HTML.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"<script [^>]*fontawesome\.js[^>]*></script>", "", text), encoding="utf-8")
    for name in "scripts/fontawesome.js*", "**/*.map", "**/webpack-macros.html", "**/sbt-webpack-macros.html":
        for path in (HTML / "_static").glob(name):
            path.unlink()


def serve(port=PORT):
    """Show the site to browsers on this machine, and to nobody else, until Ctrl+C."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"The site is at http://127.0.0.1:{server.server_port} (Ctrl+C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def main():
    parser = argparse.ArgumentParser(description="Build the readable edition of the course from the saved notebooks.")
    parser.add_argument("--serve", action="store_true", help="show it on this machine when it is built")
    parser.add_argument("--port", type=int, default=PORT, help="of --serve; 0 takes any free one")
    arguments = parser.parse_args()
    start = time.monotonic()
    if status := build():
        print("The site has mistakes: each warning above is one.", file=sys.stderr)
        return status
    files = [path for path in HTML.rglob("*") if path.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    print(f"{sum(path.suffix == '.html' for path in files)} pages, {megabytes:.1f} MB, "
          f"{time.monotonic() - start:.0f} seconds: {(HTML / 'index.html').relative_to(ROOT)}")
    if arguments.serve:
        serve(arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
