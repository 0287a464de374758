"""What Sphinx does in another way for this site: formulas are set while building, and parts of a lesson are marked.

Formulas go through KaTeX when the site is built, so that a page needs no script for them and nothing moves on screen.
KaTeX is JavaScript: MiniRacer runs it inside Python, so that nobody has to install a browser or Node.
"""

import re
from functools import cache
from html import unescape

from docutils import nodes
from PIL import Image
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.util import logging

from tools.write_badges import ROOT

CARD = "vae_plane.png"  # the picture that social media show for a link to a page
BASE = '<span class="katex-base">'  # a part of a formula that never breaks
logger = logging.getLogger(__name__)


@cache
def _katex():
    engine = MiniRacer()
    engine.eval((ROOT / "site/katex.min.js").read_text(encoding="utf-8"))
    return engine


def formula(tex, display):
    """Return a TeX formula as HTML for the eye and MathML for screen readers.

    Raises:
        JSEvalException: if KaTeX does not understand it.
    """
    return _katex().call("katex.renderToString", tex, {"displayMode": display, "strict": "ignore"})


def _write_formula(translator, node, display):
    try:
        html = formula(node.astext(), display)
    except JSEvalException as error:
        logger.warning("formula %r: %s", node.astext(), str(error).splitlines()[0], location=node)
        html = ""
    if then := node.get("then"):  # no line begins with it: a formula breaks only where KaTeX lets it
        html = f'<span class="with-mark">{html.replace(BASE, "<wbr>" + BASE)}{then}</span>'
    translator.body.append(f'<div class="formula">{html}</div>' if display else html)
    raise nodes.SkipNode


def mark_parts(_, document):
    """Give classes to what a lesson repeats: sections that go further, predictions, and what to notice."""
    for section in document.findall(nodes.section):
        if section[0].astext().startswith("Going further:"):
            section["classes"].append("further")
    for strong in document.findall(nodes.strong):
        if part := re.fullmatch(r"(Predict):?|(Exercise) [\d.]+", strong.astext()):
            strong.parent["classes"].append(part[part.lastindex].lower())


def join_marks(_, document, __):
    """Give each formula in a text the full stop or comma that follows it, so that both stay on one line."""
    for formula in list(document.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (mark := re.match(r"[.,;:?!)]+", after)):
            formula["then"] = mark[0]
            after.parent.replace(after, nodes.Text(after[mark.end():]))


def give_pictures_their_size(app, document, _):
    """Tell the browser how large each picture is, so that nothing moves when it arrives, and to load it when needed."""
    for number, image in enumerate(document.findall(nodes.image)):
        path = app.srcdir / image["uri"]
        if path.is_file() and "width" not in image:
            with Image.open(path) as picture:
                image["width"], image["height"] = map(str, picture.size)
        if number:
            image["loading"] = "lazy"


def add_card(app, page, _, context, document):
    """Add what social media show for a link: title, first sentence (a lesson's: its question), and the latent plane."""
    title = unescape(nodes.unescape(context.get("title", "")))
    texts = [each.astext() for each in document.findall(nodes.paragraph)] if document else []
    about = next((text for text in texts if len(text) > 30 and "Colab" not in text), app.config.project)
    base = app.config.html_baseurl  # networks ask for whole addresses; a course without a public one has none
    picture = f"{base}_static/{CARD}" if base else context["pathto"](f"_static/{CARD}", resource=True)
    tags = {"og:type": "article", "og:site_name": app.config.project, "og:title": title, "og:description": about,
            "og:url": f"{base}{page}.html", "og:image": picture,
            "og:image:alt": "A square of digits that change smoothly into one another"}
    lines = [f'<meta property="{name}" content="{_quoted(text)}">' for name, text in tags.items()]
    lines += [f'<meta name="description" content="{_quoted(about)}">', '<meta name="twitter:card" content="summary">']
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def _quoted(text):
    return " ".join(text.split()).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def setup(app):
    app.add_html_math_renderer("katex", inline_renderers=(lambda t, n: _write_formula(t, n, False), None),
                               block_renderers=(lambda t, n: _write_formula(t, n, True), None))
    app.connect("doctree-read", mark_parts)
    app.connect("doctree-resolved", join_marks)
    app.connect("doctree-resolved", give_pictures_their_size)
    app.connect("html-page-context", add_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
