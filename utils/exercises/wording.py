"""How the exercises speak: each message as plain text, and as HTML that suits light and dark themes."""

import html
import re
import sys
import textwrap

RIGHT, WRONG, OPEN = "✓", "✗", "○"
COLOURS = {RIGHT: "#1a7f37", WRONG: "#cf222e"}  # of the border alone: text keeps the theme's own colour
WIDTH = 110


class Message:
    """A message as plain text, and in richer formats (`html`, `markdown`) for whoever can show them."""

    def __init__(self, text: str, **formats: str):
        self.text = text
        self.bundle = {"text/plain": text, **{f"text/{name}": content for name, content in formats.items()}}

    def __repr__(self):
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.bundle


def show(shown: Message) -> None:
    """Display the message under the cell, or print it where there is no notebook."""
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        sys.modules["IPython"].display.display(shown)
        return
    try:
        print(shown.text)
    except UnicodeEncodeError:  # a console that has no ✓
        print(shown.text.encode("ascii", "replace").decode())


def report(mark: str, title: str, sentence: str, rows=(), closing: str = "") -> Message:
    """Return a message: a marked line, then rows of (label, value) that show why, then a closing sentence."""
    width = max((len(label) for label, _ in rows), default=0)
    text = "\n".join([
        _wrapped(f"{mark} {title}: {sentence}"),
        *(f"    {label:<{width}}   {value}" for label, value in rows),
        *([_wrapped(f"  {closing}")] if closing else []),
    ])
    body = f"<b>{html.escape(f'{mark} {title}')}</b>: {_prose(sentence)}"
    if rows:
        body += table([[html.escape(label), f"<code>{html.escape(value)}</code>"] for label, value in rows])
    if closing:
        body += f"<div>{_prose(closing)}</div>"
    return Message(text, html=box(body, COLOURS.get(mark, "#6e7781")))


def numbered(title: str, items, closing: str = "") -> Message:
    """Return a message that is a title over a numbered list of sentences."""
    lines = [textwrap.fill(item, WIDTH, initial_indent=f"  {number}. ", subsequent_indent="     ")
             for number, item in enumerate(items, 1)]
    text = "\n".join([title, *lines, *([f"  {closing}"] if closing else [])])
    entries = "".join(f"<li>{_prose(item)}</li>" for item in items)
    body = f"<b>{html.escape(title)}</b><ol style='margin:2px 0'>{entries}</ol>{_prose(closing)}"
    return Message(text, html=box(body))


def _wrapped(text: str) -> str:
    """Return the text in lines of a terminal's width; words and `code` stay whole."""
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _prose(text: str) -> str:
    """Return a sentence as HTML: `code`, *stress*, and calls of `hint` or `solution` as code."""
    text = re.sub(r"`([^`]+)`|(?<!\S)\*(\w+)\*(?=[\s.,:;?)]|$)", lambda found: (
        f"<code>{found[1]}</code>" if found[1] else f"<em>{found[2]}</em>"), html.escape(text, quote=False))
    return re.sub(r'(?:hint|solution)\("[\d.]+"\)', r"<code>\g<0></code>", text)


def table(rows) -> str:
    """Return rows of cells, each HTML, as a table."""
    cell = "<td style='text-align:left;vertical-align:top;padding:1px 12px 1px 0'>"
    lines = ("".join(f"{cell}{content}</td>" for content in row) for row in rows)
    return f"<table style='margin:4px 0;border:none'>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def box(body: str, colour: str = "#6e7781") -> str:
    """Return the HTML with a coloured line at its left."""
    # The classes keep a dollar sign in the learner's values from being typeset as mathematics.
    return (f"<div class='tex2jax_ignore mathjax_ignore' style='border-left:4px solid {colour};"
            f"padding:2px 0 2px 10px;margin:4px 0'>{body}</div>")
