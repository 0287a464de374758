"""Take the answer to an exercise out of a learner's cells: the function, with what it needs, and nothing else.

A function needs names, which imports, definitions and simple assignments bind, which need further names. An assignment
is simple unless it calls what may compute for minutes: methods of the notebook's own objects, such as `model.fit`, and
functions of the course's library. Nothing of this is run until an `Answer` is made.
"""

import ast
import builtins
import contextlib
import copy
import dis
import importlib
import linecache
from dataclasses import dataclass, field

RESULT = "__checked__"  # what a check of another exercise gave
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
IMPORTS = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a cell, what it binds, and which names it needs in the end."""

    place: tuple[int, int]  # cell and position in the cell
    node: ast.stmt
    binds: frozenset[str]
    needs: frozenset[str]

    @property
    def file(self) -> str:
        """What a traceback names."""
        return f"<cell {self.place[0]}>"


@dataclass(frozen=True)
class Call:
    """A `check("6.2", …)`: where it stands, and its second argument, or what is wrong with its cell."""

    identifier: str
    place: tuple[int, int]
    argument: ast.expr | None = None
    trouble: str = ""


@dataclass
class Notebook:
    """A notebook's statements and its checks, in its order."""

    statements: list[Statement] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def calls_of(self, identifier):
        """Return the checks of an exercise, the last first."""
        return [call for call in reversed(self.calls) if call.identifier == identifier]


def read(cells, identifiers):
    """Return the `Notebook` that these code cells make, which may be anything.

    Args:
        cells: their sources.
        identifiers: of the lesson's exercises.
    """
    notebook = Notebook()
    for number, source in enumerate(cells, 1):
        try:
            lines = plain(source).splitlines(keepends=True)
            body = ast.parse("".join(lines)).body
            compile(ast.Module(body, []), "<cell>", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
            trouble = f"Python cannot read the cell{line}: {getattr(error, 'msg', None) or error}"
            notebook.calls += [Call(each, (number, 0), trouble=trouble) for each in identifiers
                               if f'check("{each}"' in source or f"check('{each}'" in source]
            continue
        linecache.cache[f"<cell {number}>"] = (len(source), None, lines, f"<cell {number}>")  # for messages, autograph
        for position, node in enumerate(body):
            place = (number, position)
            notebook.calls += [Call(identifier, place, argument) for identifier, argument in _checks(node)
                               if identifier in identifiers]
            notebook.statements.append(_statement(place, node))
    return notebook


def plain(source):
    """Return a cell's source without the lines that are IPython's and not Python's, which stay as `pass`."""
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        lines = source.splitlines()
        return "\n".join(line[:len(line) - len(line.lstrip())] + "pass"
                         if line.lstrip().startswith(("%", "!", "?")) or line.rstrip().endswith("?") else line
                         for line in lines)


def program(notebook, call):
    """Return (statements, left out): what the argument of a check needs, and names that only a whole run would give."""
    wanted, seen, chosen, left_out = [*_loads(call.argument)], set(), {}, set()
    simple = _harmless_roots(notebook.statements)
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        binding = [each for each in notebook.statements if name in each.binds]
        # A helper may stand below the check, in a cell that was run first.
        for each in [each for each in binding if each.place < call.place] or binding[:1]:
            if each.place == call.place:
                continue
            if not _is_simple(each.node, simple):
                left_out.add(name)
            elif each.place not in chosen:
                chosen[each.place] = each
                wanted += each.needs
    return [chosen[place] for place in sorted(chosen)], left_out


def run(statements, call, results):
    """Run the statements and return what the check's second argument is then. Raises whatever they raise.

    Args:
        results: what the checks of other exercises gave, by identifier.
    """
    names = {"__name__": "__main__", RESULT: results, "display": lambda *shown, **options: None}
    for each in statements:
        node = _with_results(each.node, call.identifier)
        exec(compile(ast.Module([node], []), each.file, "exec", dont_inherit=True), names)
    argument = ast.Expression(_with_results(call.argument, call.identifier))
    return eval(compile(argument, f"<cell {call.place[0]}>", "eval", dont_inherit=True), names)


def _with_results(node, identifier):
    return ast.fix_missing_locations(_Results(identifier).visit(copy.deepcopy(node)))


class _Results(ast.NodeTransformer):
    """Puts what was checked already in the place of a check, and the function itself where it is being checked."""

    def __init__(self, identifier):
        self.identifier = identifier

    def visit_Call(self, node):
        self.generic_visit(node)
        found = _check(node)
        if not found:
            return node
        if found[0] == self.identifier:
            return found[1]
        where = ast.Name(RESULT, ast.Load())
        return ast.copy_location(ast.Subscript(where, ast.Constant(found[0]), ast.Load()), node)


def _checks(tree):
    return [found for node in ast.walk(tree) if (found := _check(node))]


def _check(node):
    """Return (identifier, second argument) of a call of `check`, else None."""
    if not isinstance(node, ast.Call) or getattr(node.func, "id", getattr(node.func, "attr", "")) != "check":
        return None
    given = dict(zip(("identifier", "function"), node.args)) | {each.arg: each.value for each in node.keywords}
    identifier = getattr(given.get("identifier"), "value", None)
    return (identifier, given.get("function", ast.Constant(None))) if isinstance(identifier, str) else None


def _statement(place, node):
    code = compile(ast.Module([node], []), "<cell>", "exec", dont_inherit=True)
    binds = {step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_NAME", "STORE_GLOBAL")}
    if isinstance(node, ast.ImportFrom) and any(each.name == "*" for each in node.names):
        with contextlib.suppress(Exception):  # it is told where a name is missing
            binds |= set(vars(importlib.import_module(node.module)))
    return Statement(place, node, frozenset(binds), frozenset(_names(code)))


def _loads(expression):
    return _names(compile(ast.fix_missing_locations(ast.Expression(expression)), "<cell>", "eval"))


def _names(code):
    """Return the global names that a piece of code loads, its functions too."""
    found = {step.argval for step in dis.get_instructions(code)
             if step.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"))}
    return found.union(*(_names(part) for part in code.co_consts if hasattr(part, "co_consts")))


def _harmless_roots(statements):
    """Return the names whose calls an assignment may make: builtins, other libraries, the notebook's definitions."""
    roots = {*vars(builtins), "check"}
    for each in statements:
        if isinstance(each.node, DEFINITIONS):
            roots |= each.binds
        elif isinstance(each.node, ast.Import):
            roots |= {name for name in each.binds if name != "utils"}
        elif isinstance(each.node, ast.ImportFrom) and (each.node.module or "").split(".")[0] != "utils":
            roots |= each.binds
    return roots


def _is_simple(node, roots):
    if isinstance(node, IMPORTS | DEFINITIONS):
        return True
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.If | ast.Try):
        return False
    inner, waiting = [], [node]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, ast.Lambda | DEFINITIONS):  # these are only made
            inner.append(each)
            waiting += ast.iter_child_nodes(each)
    return all(_root(each.func) in roots for each in inner if isinstance(each, ast.Call))


def _root(node):
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = getattr(node, "func", getattr(node, "value", None))
    return node.id if isinstance(node, ast.Name) else "int"  # of a literal: as harmless as a builtin
