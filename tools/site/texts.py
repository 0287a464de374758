"""The pages that are not lessons: made from the course's own texts, so that nothing is written twice."""

import re
import textwrap

from tools.site import lessons as reading
from tools.write_badges import ROOT, address, is_public

PAGES = {"TEACHING.md": "instructors.md", "CONTRIBUTING.md": "contributing.md", "README.md": "index.md",
         "notebooks/": "index.md"}


def with_links(text):
    """Return Markdown whose links to the course's files lead to pages of the site, or else to the repository.

    While the course has no public address, what is in the repository alone is not linked.
    """
    repository, branch = address()

    def link(match):
        words, path, anchor = match[1], match[2], match[3] or ""
        if re.match(r"https?:|$", path):
            return match[0]
        if path.startswith("notebooks/") and path.endswith(".ipynb"):
            return f"[{words}](lessons/{path.removeprefix('notebooks/')}{anchor})"
        if path in PAGES:
            return f"[{words}]({PAGES[path]}{anchor})"
        return f"[{words}]({repository}/blob/{branch}/{path}{anchor})" if is_public(repository) else f"`{words}`"
    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^()\s#]*)(#[^()\s]*)?\)", link, text)


def course_file(name):
    """Return a text of the course, such as TEACHING.md, as a page."""
    return with_links((ROOT / name).read_text(encoding="utf-8"))


def home(lessons):
    """Return the home page: site/index.md with its blanks filled from the README and the notebooks."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = re.search(r"^## Start\n+(.*?)(?=^## )", readme, re.MULTILINE | re.DOTALL)[1]
    blanks = {"start": with_links(start.strip()), "lessons": lesson_map(lessons),
              "toctree": "\n".join(f"lessons/{lesson.path.stem}" for lesson in lessons),
              "core": f"{sum(lesson.core for lesson in lessons) / 60:.0f}",
              "whole": f"{sum(lesson.whole for lesson in lessons) / 60:.0f}"}
    return _fill((ROOT / "site/index.md").read_text(encoding="utf-8"), blanks)


def lesson_map(lessons):
    """Return the table of the lessons in Markdown: question, minutes of the core and of the whole, seconds."""
    lines = ["| lesson | core, min | whole, min | run, s |", "|---|--:|--:|--:|"]
    for lesson in lessons:
        question = lesson.question.replace("|", r"\|")
        lines.append(f"| [{lesson.title}](lessons/{lesson.path.name})<br>{question} | {lesson.core} | {lesson.whole} | "
                     f"{lesson.seconds} |")
    return "\n".join(lines)


def ladder(table):
    """Return the page of the ladder of nats."""
    return _fill((ROOT / "site/ladder.md").read_text(encoding="utf-8"), {"table": table})


def glossary(lessons):
    """Return the glossary: each term with its meaning and a link to the section that introduces it.

    Raises:
        ValueError: if the lesson that a term names does not use it.
    """
    of = {lesson.number: lesson for lesson in lessons}
    entries = []
    for term, number, used_as, meaning in glossary_entries():
        lesson = of[number]
        section = reading.section_of(lesson, used_as)
        if section is None:
            raise ValueError(f"site/glossary.txt: lesson {number} does not use the term {used_as!r}.")
        heading, anchor = section
        link = f"*Lesson {int(number)}:* [{heading}](lessons/{lesson.path.name}#{anchor})"
        entries.append(f"{term}\n" + textwrap.indent(f"{meaning}\n\n{link}", "  "))
    text = (ROOT / "site/glossary.md").read_text(encoding="utf-8")
    return _fill(text, {"count": str(len(entries)), "entries": "\n\n".join(entries)})


def glossary_entries():
    """Return [(term, lesson, what the lesson calls it, meaning)] of site/glossary.txt, in the order of the alphabet."""
    entries = []
    for line in (ROOT / "site/glossary.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            number, term, used_as, meaning = re.fullmatch(r"(\d\d) ([^:=]+?)(?: = ([^:]+))?: (.+)", line).groups()
            entries.append((term, number, used_as or term, meaning))
    return sorted(entries, key=lambda entry: entry[0].lower().replace("é", "e").lstrip("$"))


def _fill(text, blanks):
    for name, value in blanks.items():
        text = text.replace(f"<!-- {name} -->", value)
    return text
