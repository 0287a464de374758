"""What the form of a lesson must be, as one function a rule.

Every function of a notebook and its path is a rule; it returns its complaints, a list of sentences.
"""

import ast
import copy
import functools
import inspect
import itertools
import json
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat

from tools import lessons
from tools.count_minutes import core_and_whole
from tools.execute_notebooks import METADATA_OF_ONE_RUN
from tools.write_badges import ROOT, SET_UP_METADATA, address, badge, set_up_cell

MAX_LINES, MAX_LINES_WITH_A_MODEL, MAX_COLUMNS, MAX_BYTES = 25, 40, 88, 1_000_000
MAX_MINUTES_OF_CORE, MAX_MINUTES_OF_FIRST_CORE = 75, 25
COMPARED_TAG = "nbval-check-output"
NBVAL_TAGS = {COMPARED_TAG, "nbval-ignore-output"}  # not nbval-skip: every cell runs
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|home|tmp|work|Users|usr|opt|var|private)/[\w.-]+|\b[A-Z]:\\+Users\b"
                          r"|site-packages")
# Macros that GitHub refuses or that put a formula out of reach of its renderer.
FORBIDDEN_MATH = re.compile(r"\\(?:operatorname|mbox|phantom|newcommand|renewcommand|def|label|tag)\b"
                            r"|\\begin\{(?:align|equation|eqnarray|gather|multline|alignat|flalign)\*?\}")
NAMES_WITH_A_CAPITAL = set("""Adam Bayes Bernoulli Boltzmann Carlo Colab Euler Fisher Fréchet Gauss Gaussian Gaussians
    Glorot Goodfellow Hebb Jacobian Jensen Jupyter Keras Kingma Kullback Lagrange Langevin Leibler Lipschitz Markov
    Monte Nash Nesterov Newton Pitts Polyak Python Rosenblatt Shannon Taylor Wasserstein Welling Xavier""".split())


# Reading a notebook ---------------------------------------------------------------------------------------

def read(path):
    """Return the notebook in the file `path` as it is, without repairs."""
    return nbformat.v4.reads(Path(path).read_text(encoding="utf-8"))


def read_held(path):
    """Return the lesson as git holds it, whatever a learner has done to the file `path` since."""
    return nbformat.v4.reads(lessons.text(path))


def cells(notebook, kind):
    """Return [(number, cell)] of all non-empty cells of a kind; numbers count all cells from 1."""
    return [(number, cell) for number, cell in enumerate(notebook.cells, start=1)
            if cell.cell_type == kind and cell.source.strip()]


def prose(notebook):
    """Return [(cell number, line)] of all Markdown, with code blocks left out."""
    lines = []
    for number, cell in cells(notebook, "markdown"):
        text = re.sub(r"^[^\S\n]*```.*?(?:^[^\S\n]*```[^\n]*\n?|\Z)", "", cell.source, flags=re.M | re.S)
        lines += [(number, line) for line in [*text.splitlines(), ""]]  # a block ends with its cell
    return lines


def headings(notebook):
    """Return [(cell number, text)] of all headings."""
    matches = ((number, re.match(r"#{1,6}\s+(.*?)\s*$", line)) for number, line in prose(notebook))
    return [(number, match[1]) for number, match in matches if match]


def section(notebook, heading):
    """Return the text from the first heading that starts with `heading` to the next heading of any level."""
    lines = [line for _, line in prose(notebook)]
    starts = [after for after, line in enumerate(lines, 1) if re.match(rf"#+ {re.escape(heading)}", line)]
    rest = lines[starts[0]:] if starts else []
    return "\n".join(itertools.takewhile(lambda line: not re.match(r"#{1,6} ", line), rest))


def list_items(text):
    """Return how many items the Markdown lists in `text` have at their first level."""
    return len(re.findall(r"^(?:[-*+]|\d+\.) ", text, flags=re.MULTILINE))


def syntax_tree(cell):
    """Return the syntax tree of a code cell, empty if it is not plain Python: that has a rule of its own."""
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        return ast.parse("")


def calls_when_run(tree):
    """Return the calls that a cell makes when run, in order, without those inside what it only defines."""
    nodes = list(tree.body)
    for node in nodes:  # which grows meanwhile
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            nodes.extend(ast.iter_child_nodes(node))
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def output_texts(cell):
    """Yield every text in the outputs of a cell, if it has any; pictures are left out."""
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for kind, content in output.get("data", {}).items():
            if not kind.startswith(("image/png", "image/jpeg")):
                yield content if isinstance(content, str) else json.dumps(content)


# Anatomy --------------------------------------------------------------------------------------------------

def title_cell_opens_the_lesson(notebook, path):
    first = notebook.cells[0]
    if first.cell_type != "markdown":
        return ["the first cell is code; it should be the title"]
    wanted = {
        f"a first line like '# {int(path.stem[:2])} · Title'": rf"\A# {int(path.stem[:2])} · \S",
        "the one question that the lesson answers": r"\?",
        "the minutes of reading and practice, like '60 minutes'": r"\b\d+ min",
        "the seconds of computing, like '90 seconds'": r"\b\d+ s(?:econds?)?\b",
    }
    complaints = [f"the title cell lacks {what}" for what, sign in wanted.items() if not re.search(sign, first.source)]
    if not 1 <= (objectives := list_items(first.source)) <= 4:
        complaints.append(f"the title cell lists {objectives} objectives; a lesson has one to four")
    return complaints


def badge_opens_this_notebook_on_colab(notebook, path):
    wanted = badge(path.name, *address())
    return [] if wanted in notebook.cells[0].source else [f"the title cell lacks the badge {wanted} (course.py badges)"]


def set_up_cell_is_the_common_one(notebook, path):
    code = cells(notebook, "code")
    if not code or code[0][1].source != set_up_cell(*address()):
        return ["the first code cell is not the set-up cell of tools/write_badges.py"]
    collapsed = SET_UP_METADATA.items() <= code[0][1].metadata.items()
    return [] if collapsed else [f"the set-up cell is not collapsed: its metadata should be {SET_UP_METADATA}"]


def second_code_cell_imports_and_starts(notebook, path):
    code = cells(notebook, "code")
    source = code[1][1].source if len(code) > 1 else ""
    imports, start = re.search(r"^(?:import|from) ", source, flags=re.MULTILINE), f'start("{path.stem[:2]}")'
    return ["the second code cell imports nothing"] * (not imports) + [f"the second code cell lacks {start}"] * (
        start not in source)


def title_cell_promises_the_minutes_of_the_formula(notebook, path):
    """The title says what tools/count_minutes.py counts, and the core fits into a lesson."""
    core, whole = (counts.minutes for counts in core_and_whole(notebook))
    limit = MAX_MINUTES_OF_FIRST_CORE if path.stem.startswith("00") else MAX_MINUTES_OF_CORE
    complaints = [f"the core takes {core} minutes; at most {limit}"] if core > limit else []
    promised = sorted({int(number) for number in re.findall(r"\b(\d+)(?: min|\s+with the sections that go further)",
                                                            notebook.cells[0].source)})
    if promised != sorted({core, whole}):
        complaints.append(f"the title cell promises {promised} minutes, but the formula counts {core} for the core and "
                          f"{whole} for the whole")
    return complaints


def cells_that_go_further_are_tagged(notebook, path):
    """All cells of a section "Going further: …" have the tag, and no others."""
    complaints, inside = [], False
    for number, cell in enumerate(notebook.cells, start=1):
        titles = re.findall(r"^(#{1,6}) +(.*)", cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else []
        for _, title in titles:
            inside = title.startswith("Going further:")
        if inside != ("further" in cell.metadata.get("tags", [])):
            complaints.append(f"cell {number} {'lacks' if inside else 'should not have'} the tag 'further'")
    return complaints


def closing_sections_are_there(notebook, path):
    titles = [text for _, text in headings(notebook)]
    return [f"there is no heading '{wanted}'" for wanted in ("Key points", "Questions", "References")
            if not any(title.startswith(wanted) for title in titles)]


def key_points_answer_the_objectives(notebook, path):
    objectives, points = list_items(notebook.cells[0].source), list_items(section(notebook, "Key points"))
    return [] if objectives == points else [f"there are {objectives} objectives, but {points} key points"]


def questions_have_folded_answers(notebook, path):
    answers = section(notebook, "Questions").count("<details>")
    return [] if 3 <= answers <= 5 else [f"{answers} questions have an answer in <details>, not 3 to 5"]


def exercises_are_numbered_in_order(notebook, path):
    checked = [call.args[0].value for _, cell in cells(notebook, "code") for call in calls_when_run(syntax_tree(cell))
               if ast.unparse(call.func) == "check" and call.args and isinstance(call.args[0], ast.Constant)]
    wanted = [f"{int(path.stem[:2])}.{count}" for count in range(1, max(len(checked), 1) + 1)]
    return [] if checked == wanted else [f"the exercises are {checked}, not {wanted}"]


# Code cells -----------------------------------------------------------------------------------------------

def code_cells_are_plain_python(notebook, path):
    """nbval passes silently over an unknown magic, and no lesson needs one."""
    complaints = []
    for number, cell in cells(notebook, "code"):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            complaints.append(f"cell {number}, line {error.lineno} is not plain Python: {(error.text or '').strip()}")
        if "get_ipython" in cell.source:
            complaints.append(f"cell {number} calls get_ipython; a magic by another name")
    return complaints


def code_cells_are_short(notebook, path):
    complaints = []
    for number, cell in cells(notebook, "code"):
        bases = {ast.unparse(base) for node in syntax_tree(cell).body for base in getattr(node, "bases", [])}
        limit = MAX_LINES_WITH_A_MODEL if {"keras.Model", "Model"} & bases else MAX_LINES
        if (lines := len(cell.source.splitlines())) > limit:
            complaints.append(f"cell {number} has {lines} lines; at most {limit}")
    return complaints


def code_lines_fit_the_page(notebook, path):
    return [f"cell {number} has a line of {len(line)} columns, more than {MAX_COLUMNS}: {line.strip()[:60]}"
            for number, cell in cells(notebook, "code") for line in cell.source.splitlines() if len(line) > MAX_COLUMNS]


def twins_in_utils_are_the_same_code(notebook, path):
    definitions = [(number, node) for number, cell in cells(notebook, "code") for node in syntax_tree(cell).body
                   if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not is_stub(node)]
    return [f"cell {number} defines {node.name} otherwise than {', '.join(sorted(twins))}"
            for number, node in definitions if (twins := definitions_in_utils().get(node.name))
            and without_docstrings(node) not in twins.values()]


def is_stub(node):
    """Return whether a definition is an exercise to be filled in: a docstring and an ellipsis."""
    last = node.body[-1]
    return len(node.body) <= 2 and isinstance(last, ast.Expr) and getattr(last.value, "value", None) is ...


@functools.cache
def definitions_in_utils():
    """Return {name: {file: code}} of the public functions and classes in the library and in the rooms' studies."""
    found = {}
    for file in [*(ROOT / "utils").glob("*.py"), *(ROOT / "utils").glob("lesson_*/study.py")]:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                found.setdefault(node.name, {})[str(file.relative_to(ROOT))] = without_docstrings(node)
    return found


def without_docstrings(definition):
    """Return the code of a definition, with docstrings and comments taken out and the layout normalised."""
    definition = copy.deepcopy(definition)
    for node in ast.walk(definition):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(definition)


# Outputs --------------------------------------------------------------------------------------------------

def outputs_are_those_of_one_clean_run(notebook, path):
    counts = [cell.execution_count for _, cell in cells(notebook, "code")]
    clean = counts == list(range(1, len(counts) + 1))
    again = f"course.py notebooks --lesson {path.stem[:2]}"
    return [] if clean else [f"execution counts are {counts}, not 1, 2, 3… ({again})"]


def outputs_have_no_errors(notebook, path):
    outputs = [(number, output) for number, cell in cells(notebook, "code") for output in cell.outputs]
    return [f"cell {number} ends in an error: {output.ename}: {output.evalue}" if output.output_type == "error"
            else f"cell {number} writes to stderr: {output.text.strip()[:100]}"
            for number, output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def no_machine_paths(notebook, path):
    texts = ("\n".join([cell.source, *output_texts(cell)]) for cell in notebook.cells)
    return [f"cell {number} shows a path of one machine: {example}" for number, text in enumerate(texts, start=1)
            for example in sorted({match[0] for match in MACHINE_PATH.finditer(text)})]


def file_is_small(notebook, path):
    size = len(nbformat.v4.writes(notebook).encode("utf-8"))
    return [] if size < MAX_BYTES else [f"the notebook has {size:,} bytes, not under {MAX_BYTES:,}"]


def metadata_holds_nothing_of_one_run(notebook, path):
    complaints = []
    if "widgets" in notebook.metadata:
        complaints.append("the state of widgets is saved in the notebook's metadata")
    if (kernel := notebook.metadata.get("kernelspec", {}).get("name")) != "python3":
        complaints.append(f"the notebook asks for the kernel {kernel!r}; every machine has 'python3'")
    for number, cell in enumerate(notebook.cells, start=1):
        if found := sorted(set(METADATA_OF_ONE_RUN) & set(cell.metadata)):
            complaints.append(f"cell {number} has metadata of one run or editor: {', '.join(found)}")
    return complaints


def pictures_are_stored_where_plots_are_called(notebook, path):
    drawing_modules, drawing_functions, complaints = {"plt"}, set(), []
    for number, cell in cells(notebook, "code"):
        tree = syntax_tree(cell)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and re.search(r"\.(plots|pictures|explorers)$", node.module):
                drawing_functions |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and re.match(r"utils(\.lesson_\d\d)?$", node.module):
                drawing_modules |= {alias.asname or alias.name for alias in node.names
                                    if alias.name in {"plots", "pictures", "explorers"}}
        drawn = {name for call in calls_when_run(tree) for name in [ast.unparse(call.func)]
                 if name in drawing_functions or name.split(".")[0] in drawing_modules}
        if drawn and not any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {})):
            complaints.append(f"cell {number} calls {', '.join(sorted(drawn))}, but stores no picture")
    return complaints


def stored_pictures_have_alternative_text(notebook, path):
    """In the cell's metadata, where MyST and Sphinx look for it."""
    complaints = []
    for number, cell in cells(notebook, "code"):
        if any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {})):
            words = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").split()
            if len(words) < 6:
                complaints.append(f"cell {number} stores a picture; its alternative text has {len(words)} words, at "
                                  "least 6, in the cell's metadata: mystnb, image, alt")
    return complaints


def compared_cells_have_text_to_compare(notebook, path):
    """nbval passes where no text is stored, and silently ignores a tag that it does not know."""
    complaints = []
    for number, cell in cells(notebook, "code"):
        tags = set(cell.metadata.get("tags", []))
        if unknown := sorted(tag for tag in tags - NBVAL_TAGS if "nbval" in tag.lower() or "raises" in tag):
            complaints.append(f"cell {number} has the tag {', '.join(unknown)}; known: {sorted(NBVAL_TAGS)}")
        if "NBVAL_" in cell.source:
            complaints.append(f"cell {number} steers nbval by a comment; use the tag {COMPARED_TAG}")
        if COMPARED_TAG in tags and not any(text.strip() for text in output_texts(cell)):
            complaints.append(f"cell {number} has the tag {COMPARED_TAG} but no text in its outputs")
    return complaints


# Markdown -------------------------------------------------------------------------------------------------

def images_have_alternative_text(notebook, path):
    found = [(number, image) for number, line in prose(notebook) for image in [
        *re.findall(r"!\[\s*\]\(([^)\s]*)", line),
        *(tag for tag in re.findall(r"<img\b[^>]*>", line) if not re.search(r"""alt=["'][^"']*\w""", tag))]]
    return [f"cell {number}: the image {image} has no alternative text" for number, image in found]


def displayed_math_is_in_the_common_subset(notebook, path):
    """JupyterLab, Colab and GitHub all render $$ at column 0, alone or around one line, outside lists."""
    complaints = []
    for number, lines in itertools.groupby(prose(notebook), key=lambda line: line[0]):
        in_math, details, block = False, 0, []
        for _, line in lines:
            details += line.count("<details") - line.count("</details")
            delimiters = line.count("$$")
            opens = delimiters and not in_math
            faults = {
                "a macro or environment that not every renderer knows; use aligned inside $$":
                    re.search(FORBIDDEN_MATH, line),
                "$$ must stand at column 0, alone on its line or around all of it":
                    delimiters and not re.fullmatch(r"\$\$|\$\$[^$]+\$\$", line.rstrip()),
                "a blank line inside $$": in_math and not line.strip(),
                "aligned outside $$": r"\begin{aligned}" in line and not in_math and delimiters != 2,
                "displayed math inside <details>": opens and details,
                "displayed math inside a list or a quote: put a blank line before it":
                    opens and any(re.match(r"\s*(?:[-*+]|\d+\.|>)\s", above) for above in block),
            }
            complaints += [f"cell {number}: {what}: {line.strip()[:80]!r}" for what, wrong in faults.items() if wrong]
            in_math ^= delimiters % 2 == 1
            block = [*block, line] if line.strip() else []
        if in_math:
            complaints.append(f"cell {number}: a $$ is never closed")
    return complaints


def headings_are_in_sentence_case(notebook, path):
    complaints = []
    for number, text in headings(notebook):
        text = re.sub(r"`[^`]*`|\$[^$]*\$", "x", text)
        for phrase in re.split(r"[·:.?!]\s", text):  # each of these may start with a capital letter
            for word in re.findall(r"[^\W\d_]+", re.sub(r"[’']s\b", "", phrase))[1:]:
                if word[0].isupper() and word[1:].islower() and word not in NAMES_WITH_A_CAPITAL:
                    complaints.append(f"cell {number}: capital letter in {word!r} of the heading {text!r}")
    return complaints


def links_lead_somewhere(notebook, path):
    """Relative links point to files that exist, and anchors to a heading of this notebook."""
    complaints, anchors = [], {text.replace(" ", "-") for _, text in headings(notebook)}
    for _, line in prose(notebook):
        anchors.update(re.findall(r"""\b(?:id|name)=["']([^"']+)""", line))
    for number, line in prose(notebook):
        line = re.sub(r"`[^`]*`", "", line)
        for target in re.findall(r"\]\(<?([^)\s>]+)", line) + re.findall(r"""\b(?:href|src)=["']([^"']+)""", line):
            if re.match(r"[a-z]+:", target):  # https:, mailto:, attachment:, data:
                continue
            file, _, anchor = unquote(target).partition("#")
            if file and not (path.parent / file).exists():
                complaints.append(f"cell {number}: the link {target} leads to no file")
            elif not file and anchor not in anchors:
                complaints.append(f"cell {number}: the link {target} leads to no heading")
    return complaints


# The file -------------------------------------------------------------------------------------------------

def file_name_is_number_and_snake_case(notebook, path):
    good = re.fullmatch(r"\d\d(?:_[a-z0-9]+)+\.ipynb", path.name)
    return [] if good else [f"{path.name} is not NN_snake_case.ipynb"]


def every_cell_has_its_own_id(notebook, path):
    names = [cell.get("id") for cell in notebook.cells]
    complaints = [f"cell {number} has no id" for number, name in enumerate(names, start=1) if not name]
    repeated = {name for name in names if name and names.count(name) > 1}
    return complaints + [f"two cells have the id {name}" for name in sorted(repeated)]


def format_is_valid(notebook, path):
    if (notebook.get("nbformat"), notebook.get("nbformat_minor", 0) >= 5) != (4, True):
        return ["the notebook is not in format 4.5 or newer"]
    errors = nbformat.validator.iter_validate(copy.deepcopy(notebook))
    return [f"the notebook is not valid: {error.message[:200]}" for error in errors]


RULES = [each for each in list(globals().values())
         if inspect.isfunction(each) and [*inspect.signature(each).parameters] == ["notebook", "path"]]
