"""What a lesson defines in its own cells, for tests and benchmarks: the code that the learner runs, and no copy."""

import ast
import contextlib
import functools
import json
from types import SimpleNamespace

from tools import lessons
from utils.exercises import engine


@functools.cache
def lesson(number):
    """Return a lesson's imports, functions, classes and literal constants by name; nothing else of it is run.

    An exercise's stub is replaced by its reference, as the lesson itself does where nothing was attempted.

    Args:
        number: as two digits, such as "09".
    """
    path, = (path for path in lessons.paths() if path.name.startswith(number))
    references = {each.name: each.reference for each in engine.lesson_module(int(number)).EXERCISES}
    names = {}
    for cell in json.loads(lessons.text(path))["cells"]:
        lines = "".join(cell["source"]).splitlines() if cell["cell_type"] == "code" else []
        tree = ast.parse("\n".join("pass" if line.startswith(("%", "!")) else line for line in lines))
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) or _is_literal(node):
                with contextlib.suppress(NameError):  # a default or a base class that the lesson computes
                    exec(compile(ast.Module([node], []), path.name, "exec"), names)
                if isinstance(node, ast.FunctionDef) and node.name in references:  # at once: it may be a default below
                    names[node.name] = references[node.name]
    return SimpleNamespace(**names)


def _is_literal(node):
    """Return whether a node assigns a constant, such as `EPOCHS = 3`."""
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True
