"""Make slides of the core of each lesson: headings, equations, predictions and pictures, from the saved notebooks.

    python -m tools.make_slides --lesson 06        (or: course.py slides --lesson 06; without a number: all lessons)

This writes slides/06_variational_autoencoders.html, one page that needs no network: its pictures are in it, and its
equations are MathML, which browsers draw themselves. (nbconvert's own slides load their programs from the network.)
Arrow keys turn the slides; printed, each is a page.

What becomes a slide: the title with its question; each heading with the first sentences of its idea; equations; each
prediction, alone; then its answer; each picture with the first sentence of its *Notice*; each exercise with what its
function returns; the class of a whole model. What goes further, and all other code, stays in the notebook.
"""

import argparse
import html
import re
import unicodedata
from typing import NamedTuple

import nbformat
from latex2mathml.converter import convert
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from tools.measure_notebook import notebooks
from tools.write_badges import ROOT

FOLDER = ROOT / "slides"
SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?]\*\*))(?<!al\.)(?<!e\.g\.)\s+(?=[A-ZΑ-Ω*$`(“\"0-9])")
MATH = re.compile(r"\$\$.*?\$\$", re.DOTALL)
ITEM = re.compile(r"^(?:[-*]|\d+\.) ", re.MULTILINE)
LINES_OF_OUTPUT = 14


class Slide(NamedTuple):
    """One slide: what kind it is, the heading above it, its Markdown, and one picture in base64, or code."""

    kind: str  # title, idea, predict, answer, picture, exercise, model or points
    heading: str
    text: str = ""
    picture: str = ""
    alt: str = ""
    code: str = ""


class _Renderer(IPythonRenderer):
    """Renders Markdown as nbconvert does, but equations as MathML."""

    def block_math(self, body):
        return to_mathml(body, display="block")

    def inline_math(self, body):
        return to_mathml(body)


def to_mathml(equation, **options):
    """Return an equation in LaTeX as MathML that browsers draw as MathJax would."""
    # What latex2mathml does not know, in words that it knows.
    equation = re.sub(r"\\[bB]igg?[lr]?\s*\\[lr]Vert", r"\\|", equation.replace("{aligned}", "{align*}"))
    equation = re.sub(r"\\text\{[^{}]*\}", lambda found: found[0].replace(r"\_", "_"), equation)
    mathml = convert(equation, **options)
    mathml = re.sub(r'<mi mathvariant="((?!normal)[a-z-]+)">(\w)</mi>',
                    lambda found: f"<mi>{_letter(*found.groups())}</mi>", mathml)
    # As in TeX, a little room around log, but none before a bracket.
    mathml = re.sub(r"(?<=</mi>|</mn>)(?=<mi>(?:log|ln|exp)</mi>)", '<mspace width="0.17em"/>', mathml)
    return re.sub(r"(<mi>(?:log|ln|exp)</mi>)(?=<m(?:i|n|sub|sup|row|frac)\b)", r'\1<mspace width="0.17em"/>', mathml)


def _letter(variant, letter):
    """Return the character of a letter in a variant, such as 𝔼. Browsers do not know the attribute `mathvariant`."""
    style = variant.upper()
    case = "CAPITAL" if letter.isupper() else "SMALL"
    for name in (f"MATHEMATICAL {style} {case} {letter.upper()}", f"{style} {case} {letter.upper()}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:  # ℰ and ℝ are older than the block of the others, and have shorter names
            continue
    return letter


def slides(notebook):
    """Return the `Slide`s of the core of a notebook."""
    made, heading, asked = [], "", False
    for cell in notebook.cells:
        if "further" in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            for piece in re.split(r"^(?=#{1,3} )", cell.source, flags=re.MULTILINE):
                title, body = _heading_and_body(piece)
                if title in ("Questions", "References"):
                    return made
                heading, asked = title or heading, asked and not title
                asked |= _add_text(made, heading, body, title)
        else:
            asked &= not _add_results(made, heading, cell, asked)
            _add_code(made, heading, cell.source)
    return made


def _heading_and_body(piece):
    found = re.match(r"#{1,3} (.+)\n?", piece)
    return (found[1].strip(), piece[found.end():]) if found else ("", piece)


def _add_text(made, heading, body, title):
    """Add the slides of the text under a heading (or, without a title, of text that goes on). Return if one asks."""
    body = re.sub(r"<details>.*?</details>|```.*?```", "", body, flags=re.DOTALL)
    blocks = [block.strip() for block in re.split(r"\n\s*\n", body) if block.strip()]
    ideas = []
    for block in blocks:
        if block.startswith("*Notice:*"):
            _caption(made, first_sentences(block.removeprefix("*Notice:*"), 1))
        elif not re.search(r"\*\*Predict|^\*Stuck|^\[!\[|^\*Before:|^\*Next", block):
            ideas.append(block)
    if heading == "Key points":
        made.append(Slide("points", heading, "\n\n".join(ideas)))
    elif title and not made:
        made.append(Slide("title", title, "\n\n".join(ideas)))
    elif (title and ideas) or any(MATH.match(block) for block in ideas):
        made.append(Slide("idea", heading, "\n\n".join(_short(ideas, 2 if title else 1))))
    questions = [block for block in blocks if "**Predict" in block]
    made.extend(Slide("predict", heading, question) for question in questions)
    return bool(questions)


def _short(blocks, sentences):
    """Return the first sentences of a text, its equations, and of its lists the first sentence of each item."""
    kept = [first_sentences(blocks[0], sentences)] if not MATH.match(blocks[0]) and not ITEM.match(blocks[0]) else []
    for block in blocks:
        if MATH.match(block):
            kept.append(block)
        elif ITEM.match(block):
            marks, items = ITEM.findall(block), ITEM.split(block)[1:]
            kept.append("\n".join(mark + first_sentences(item, 1) for mark, item in zip(marks, items, strict=True)))
    return kept


def first_sentences(text, count):
    """Return the first sentences of a paragraph; what stands in an equation ends none."""
    text = " ".join(text.split())
    inside = [range(*found.span()) for found in re.finditer(r"\$.+?\$|`.+?`|\([^()]*\)", text)]
    ends = [found.start() for found in SENTENCE_END.finditer(text)
            if not any(found.start() in span for span in inside)]
    return text[:ends[count - 1]] if len(ends) >= count else text


def _caption(made, sentence):
    """Write a sentence below the picture or the answer that the last slide shows."""
    if made and made[-1].kind in ("picture", "answer") and not made[-1].text:
        made[-1] = made[-1]._replace(text=sentence[:1].upper() + sentence[1:])


def _add_results(made, heading, cell, asked):
    """Add the pictures of a code cell and, where somebody has asked, what it prints. Return if a picture came."""
    pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", heading)
    if asked and printed.strip():
        lines = printed.rstrip().splitlines()[:LINES_OF_OUTPUT]
        before = made[-1].code.splitlines() if made[-1].kind == "answer" else []
        if before and len(before + lines) <= LINES_OF_OUTPUT:
            made.pop()
            lines = before + lines
        made.append(Slide("answer", heading, code="\n".join(lines)))
    made.extend(Slide("picture", heading, picture="".join(picture.split()), alt=alt) for picture in pictures)
    return bool(pictures)


def _add_code(made, heading, source):
    """Add a slide for each exercise of a code cell, and for the class of a whole model."""
    for number in re.findall(r'\bcheck\("([\d.]+)"', source):
        task = re.search(r'^def .+?:\n +"""(.+?)(?:\n\n|""")', source, re.DOTALL | re.MULTILINE)
        made.append(Slide("exercise", f"Exercise {number}", " ".join(task[1].split()) if task else
                          f"{heading}: see the notebook."))
    if re.search(r"^class ", source, re.MULTILINE) and re.search(r"def (call|train_step)\(", source):
        made.append(Slide("model", heading, code=source))


def to_html(slide):
    """Return the HTML of a slide."""
    level = "h1" if slide.kind == "title" else "h2"
    text = MarkdownWithMath(renderer=_Renderer(escape=False)).render(f"# {slide.heading}\n\n{slide.text}")
    title, _, text = text.partition("</h1>")
    title = re.sub(r'<a class="anchor-link".*?</a>|^.*?<h1[^>]*>', "", title, flags=re.DOTALL)
    parts = [f'<section class="{slide.kind}"><div><{level}>{title}</{level}>']
    if slide.picture:
        parts.append(f'<img src="data:image/png;base64,{slide.picture}" alt="{html.escape(slide.alt)}">')
    if slide.kind == "model":
        parts.append(Highlight2HTML()(slide.code))
    elif slide.code:
        parts.append(f"<pre>{html.escape(slide.code)}</pre>")
    return "\n".join([*parts, text, "</div></section>"])


def page(notebook):
    """Return the page of all slides of a notebook."""
    made = slides(notebook)
    colours = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    return PAGE.format(title=html.escape(made[0].heading), style=STYLE + colours, script=SCRIPT,
                       sections="\n".join(map(to_html, made)))


STYLE = """
* { box-sizing: border-box; }
html { scroll-snap-type: y mandatory; font: 2.9vmin/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
       color: #222; background: #fff; }
body { margin: 0; counter-reset: slide; }
section { height: 100vh; scroll-snap-align: start; padding: 4vmin 7vmin 6vmin; position: relative; overflow: hidden;
          display: flex; flex-direction: column; justify-content: center; counter-increment: slide; }
section::after { content: counter(slide); position: absolute; right: 3vmin; bottom: 2vmin; color: #767676;
                 font-size: 2vmin; }
h1, h2 { line-height: 1.15; margin: 0 0 .6em; color: #0b4a6f; }
h1 { font-size: 2.2em; }
h2 { font-size: 1.5em; }
p, ul, ol { margin: .5em 0; max-width: 62em; }
li { margin: .3em 0; }
img { display: block; width: 100%; height: 66vh; object-fit: contain; margin: 0 auto; }
math { font-family: "Cambria Math", "STIX Two Math", "STIX Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math; }
math[display="block"] { margin: .7em 0; font-size: 1.15em; }
mtd { padding: .25em 0; }
mtd[columnalign="left"] { text-align: left; }
mtd[columnalign="right"] { text-align: right; }
mtd[columnalign="right"]:not(:first-child) { padding-left: 2em; }
pre { margin: 0; font: .85em/1.35 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; white-space: pre; }
table { border-collapse: collapse; }
td, th { border-bottom: 1px solid #bbb; padding: .2em .8em; text-align: left; }
a { color: inherit; }
.title, .predict, .exercise { background: #eef5fa; }
.idea > div, .title > div, .points > div, .answer > div { font-size: 1.3em; }
.predict > div { font-size: 1.6em; }
.predict h2, .exercise h2 { font-size: 1em; }
.exercise > div { font-size: 1.5em; }
.picture h2, .answer h2, .model h2 { font-size: 1.1em; margin-bottom: .4em; }
.model { padding-top: 2vmin; padding-bottom: 2vmin; }
@media print { @page { size: 338mm 190mm; margin: 0; } section { height: 190mm; break-after: page; } }
"""

# What is too large for its slide is made smaller, step by step, and at least half as large as it was.
SCRIPT = """
const slides = [...document.querySelectorAll("section")];
function fit() {
  for (const slide of slides) {
    const inner = slide.firstElementChild;
    inner.style.zoom = 1;
    for (let size = 1; size > 0.5; size -= 0.05) {
      inner.style.zoom = size;
      if (slide.scrollHeight <= slide.clientHeight && inner.scrollWidth <= inner.clientWidth) break;
    }
  }
}
function turn(step) {
  const now = slides.findIndex(slide => slide.getBoundingClientRect().bottom > innerHeight / 2);
  slides[Math.max(0, Math.min(slides.length - 1, now + step))].scrollIntoView();
}
addEventListener("keydown", event => {
  const steps = {ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1};
  if (event.key in steps) { event.preventDefault(); turn(steps[event.key]); }
});
addEventListener("resize", fit);
fit();
"""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{sections}
<script>{script}</script>
</body>
</html>
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="course.py slides", description=__doc__.partition("\n")[0])
    parser.add_argument("--lesson", default="", help="such as 06; without it, all lessons")
    options = parser.parse_args(arguments)
    try:
        paths = notebooks(options.lesson and options.lesson.zfill(2))
    except FileNotFoundError as error:
        parser.error(str(error))
    FOLDER.mkdir(exist_ok=True)
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        target = FOLDER / f"{path.stem}.html"
        target.write_bytes(page(notebook).encode("utf-8"))
        print(f"{target.relative_to(ROOT)}: {len(slides(notebook))} slides")


if __name__ == "__main__":
    main()
