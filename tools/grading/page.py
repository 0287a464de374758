"""The page about a class: one HTML file without scripts or requests, for a light and a dark screen."""

import html
import re
from collections import Counter

from tools.grading.running import OPEN, PASSED, TRIED, UNJUDGED
from utils.plots.canvas import BLUE, GRID, INK, ORANGE, PURPLE

SIGNS = {PASSED: "✓", TRIED: "✗", OPEN: "○", UNJUDGED: "?"}
CLASSES = {PASSED: "passed", TRIED: "tried", OPEN: "open", UNJUDGED: "unjudged"}
WARNING = ("Learners can copy answers from each other, from a neighbour's screen, and from <code>solution</code>. This "
           "page says what was handed in, not who understood it. Ask people to explain a line of theirs.")
SHOWN = 3  # mistakes of an exercise

STYLE = f"""
:root {{ color-scheme: light dark; --ground: #fff; --ink: {INK}; --soft: #59636e; --line: {GRID}; --panel: #f6f8fa; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ground: #14171c; --ink: #e6e6e6; --soft: #a3acb7; --line: #3a414b; --panel: #1d222a; }}
}}
body {{ margin: 2rem auto; max-width: 78rem; padding: 0 1.5rem; background: var(--ground); color: var(--ink);
       font: 15px/1.45 system-ui, "Segoe UI", sans-serif; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .3rem; }}
h2 {{ font-size: 1.1rem; margin: 0 0 .6rem; }}
h3 {{ font-size: 1rem; margin: 1.1rem 0 .2rem; }}
p {{ margin: .3rem 0 .8rem; max-width: 60rem; }}
.soft, caption {{ color: var(--soft); }}
.columns {{ display: grid; grid-template-columns: minmax(0, max-content) minmax(20rem, 1fr); gap: 2.5rem;
            margin-top: 1.6rem; }}
@media (max-width: 900px) {{ .columns {{ grid-template-columns: minmax(0, 1fr); }} }}
.map {{ overflow-x: auto; }}
table {{ border-collapse: separate; border-spacing: 3px; }}
th {{ font-weight: 500; }}
tbody th {{ text-align: left; max-width: 17rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
            padding-right: .6rem; }}
tfoot th, tfoot td {{ color: var(--soft); padding-top: .4rem; text-align: center; }}
tfoot th {{ text-align: left; }}
td.cell, .key {{ width: 2.6rem; height: 1.45rem; text-align: center; border-radius: 4px; font-weight: 700; }}
td.reason {{ color: var(--soft); font-size: .85rem; padding-left: .4rem; max-width: 24rem; }}
.key {{ display: inline-block; margin: 0 .4rem 0 1.1rem; }}
.key:first-child {{ margin-left: 0; }}
.passed {{ background: {BLUE}; color: #fff; }}
.tried {{ background: {ORANGE}; color: {INK}; }}
.unjudged {{ background: {PURPLE}; color: {INK}; }}
.open {{ box-shadow: inset 0 0 0 1.5px var(--line); color: var(--soft); }}
ol {{ list-style: none; margin: 0; padding: 0; }}
li {{ display: grid; grid-template-columns: 2.6rem 1fr; gap: .6rem; padding: .25rem 0; align-items: start;
      overflow-wrap: anywhere; }}
code {{ background: var(--panel); border-radius: 3px; padding: 0 .2em; font-size: .92em; }}
.warning {{ border-left: 4px solid {ORANGE}; background: var(--panel); padding: .5rem .9rem; }}
"""


def page(lesson, exercises, learners, when="", holds=()):
    """Return the page as HTML.

    Args:
        lesson: as two digits.
        exercises: {identifier: name of the function}.
        learners: {learner: {identifier: (state, words)}}, or {learner: words} where nothing could be judged.
        when: the time, in words.
        holds: which limits held, in words.
    """
    count = f"{len(learners)} {'notebook' if len(learners) == 1 else 'notebooks'}"
    key = "".join(f'<span class="key {CLASSES[state]}">{SIGNS[state]}</span>{state}' for state in SIGNS)
    mistakes = "".join(_mistakes(each, name, learners) for each, name in exercises.items())
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Lesson {int(lesson)}: who solved what</title><style>{STYLE}</style></head><body>
<h1>Lesson {int(lesson)}: who solved what</h1>
<p class="soft">{' · '.join(filter(None, [count, _e(when)]))}</p>
<p class="warning">{WARNING}</p>
<p>{key}</p>
<div class="columns"><section class="map"><h2>The class</h2>{_map(exercises, learners)}</section>
<section><h2>The commonest mistakes</h2>{mistakes}</section></div>
<p class="soft">Limits that held while learners' code ran: {_e(', '.join(holds)) or 'not known'}.</p>
</body></html>
"""


def _map(exercises, learners):
    judged = {learner: found for learner, found in learners.items() if isinstance(found, dict)}
    head = "".join(f'<th scope="col" title="{_e(name)}">{_e(each)}</th>' for each, name in exercises.items())
    rows = "".join(f'<tr><th scope="row" title="{_e(learner)}">{_e(learner)}</th>{_cells(exercises, found)}</tr>'
                   for learner, found in learners.items())
    passed = "".join(f"<td>{sum(found.get(each, ' ')[0] == PASSED for found in judged.values())}</td>"
                     for each in exercises)
    return (f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody>"
            f'<tfoot><tr><th scope="row">passed, of {len(judged)}</th>{passed}</tr></tfoot></table>')


def _cells(exercises, found):
    if not isinstance(found, dict):
        return f'<td class="reason" colspan="{len(exercises)}">{_prose(found)}</td>'
    cells = [(each, *found.get(each, (UNJUDGED, ""))) for each in exercises]
    return "".join(f'<td class="cell {CLASSES[state]}" title="{_e(f"{each} {state}" + f": {words}" * bool(words))}">'
                   f"{SIGNS[state]}</td>" for each, state, words in cells)


def _mistakes(identifier, name, learners):
    """Return an exercise's three commonest mistakes, and how many learners made each."""
    found = [each.get(identifier, (UNJUDGED, "")) for each in learners.values() if isinstance(each, dict)]
    counted = Counter(words for state, words in found if state == TRIED)
    lines = "".join(f'<li><span class="key tried" style="margin:0">{count}×</span><span>{_prose(words)}</span></li>'
                    for words, count in counted.most_common(SHOWN))
    rest = sum(counted.values()) - sum(count for _, count in counted.most_common(SHOWN))
    more = f'<p class="soft">and {rest} with {"another" if rest == 1 else "others"}</p>' * bool(rest)
    return (f"<h3>{_e(identifier)} <code>{_e(name)}</code></h3>"
            + (f"<ol>{lines}</ol>{more}" if lines else '<p class="soft">none</p>'))


def _prose(text):
    """Return a sentence as HTML, its `code` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _e(text))


def _e(text):
    return html.escape(str(text).encode("utf-8", "replace").decode())
