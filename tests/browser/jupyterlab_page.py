"""One notebook in a page of JupyterLab: what its reader does with mouse and keyboard, and what its reader sees."""

import json
import re
import time

SECONDS = 1000  # Playwright counts in milliseconds
PATIENCE = 120  # seconds for what takes one or two: the machine may be busy
BODY = re.compile(r"\.\.\.  # your code|^ +return ")  # of an exercise: as it comes, or with an answer of one line


class Notebook:
    """A notebook that is open in a page. Cells go by their number in the notebook, from 0.

    JupyterLab keeps only those cells in the page that are near the reader, so what is read of *all* cells comes from
    the application (`jupyterapp`, which JupyterLab hands out when it is started with `--expose-app-in-browser`).
    """

    def __init__(self, page, address):
        self.page = page
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.content?.model?.cells.length > 0")
        self.wait_until(lambda: self.status == "idle", PATIENCE, "The kernel starts")
        self.cells = json.loads(self.ask("JSON.stringify(notebook.model.toJSON().cells)"))
        self.code = [index for index, cell in enumerate(self.cells) if cell["cell_type"] == "code"]

    def ask(self, expression):
        """Return the value of a JavaScript expression of `panel` and `notebook`, JupyterLab's own objects."""
        return self.page.evaluate(f"async () => {{ const panel = jupyterapp.shell.currentWidget;"
                                  f" const notebook = panel.content; return {expression} }}")

    def find(self, text):
        """Return the number of the first code cell whose source contains `text`, and fail if there is none."""
        return next(index for index in self.code if text in self.source(index))

    def source(self, index):
        return "".join(self.cells[index]["source"])

    # What the reader does -----------------------------------------------------------------------------------------

    def choose(self, menu, entry):
        self.page.locator(".lm-MenuBar").get_by_text(menu, exact=True).click()
        self.page.locator(".lm-Menu").get_by_text(entry, exact=True).click()

    def scroll_to(self, index):
        return self.ask(f"notebook.scrollToItem({index}, 'start').then(() => true)")

    def show(self, index):
        """Scroll to a cell, wait until it is there, and return Playwright's locator of it."""
        cell = self.cell(index)
        self.wait_until(lambda: self.scroll_to(index) and cell.is_visible(), PATIENCE, f"Cell {index} comes into view")
        return cell

    def select(self, index):
        """Click beside a cell's prompt, as one does to select it."""
        self.show(index).locator(".jp-InputPrompt").click()

    def answer(self, index, line):
        """Replace the three dots of an exercise, or an earlier answer, by a line of code, and run the cell."""
        self.show(index).locator(".cm-line", has_text=BODY).click()
        for key in ("End", "Shift+Home"):  # what follows the indentation
            self.page.keyboard.press(key)
        self.page.keyboard.type(line)
        self.run_cell()

    def run_cell(self):
        """Press Shift+Enter, and return when the kernel is idle again."""
        before = self.counts()
        self.page.keyboard.press("Shift+Enter")
        self.wait_until(lambda: self.counts() != before and not self.is_running, PATIENCE, "The cell runs")

    def run_all(self, seconds, at_every_look=lambda: None):
        """Run all cells from the menu; return when the last has run, or one has failed; give up after `seconds`."""
        self.choose("Run", "Run All Cells")
        self.wait_until(lambda: self.is_running, PATIENCE, "Run All Cells starts")

        def has_ended():
            at_every_look()
            return not self.is_running and (self.counts()[-1] or self.errors())

        self.wait_until(has_ended, seconds, "All cells run")

    def drag(self, handle):
        """Drag a slider's handle to the middle of the half in which it is not."""
        handle.scroll_into_view_if_needed()
        at, track = handle.bounding_box(), handle.locator("xpath=ancestor::*[contains(@class, 'noUi-target')]")
        low, high, now = (float(handle.get_attribute(f"aria-{name}")) for name in ("valuemin", "valuemax", "valuenow"))
        box, share = track.bounding_box(), 0.25 if now > (low + high) / 2 else 0.75
        mouse, height = self.page.mouse, at["y"] + at["height"] / 2
        mouse.move(at["x"] + at["width"] / 2, height)
        mouse.down()
        mouse.move(box["x"] + share * box["width"], height, steps=5)
        mouse.up()

    # What the reader sees -----------------------------------------------------------------------------------------

    def cell(self, index):
        """Return Playwright's locator of a cell; far from the reader it matches nothing."""
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')

    def text(self, index):
        return self.show(index).locator(".jp-OutputArea").inner_text()

    @property
    def status(self):
        """Return what the kernel does: "idle", "busy", "dead" …; None before there is one."""
        return self.ask("panel.sessionContext.session?.kernel?.status")

    @property
    def is_running(self):
        """Return whether the kernel is busy or a cell waits for it."""
        return self.status != "idle" or self.ask("notebook.widgets.some(cell => cell.promptNode?.textContent"
                                                 "?.includes('*'))")

    def counts(self):
        """Return the execution count of each code cell, None where a cell has not run to its end."""
        return self.ask("notebook.widgets.filter(cell => cell.model.type === 'code')"
                        ".map(cell => cell.model.executionCount)")

    def count_of(self, index):
        return self.counts()[self.code.index(index)]

    def has_widget(self, index):
        return self.ask(f"notebook.widgets[{index}].model.outputs.toJSON().some(output =>"
                        " 'application/vnd.jupyter.widget-view+json' in (output.data ?? {}))")

    def errors(self):
        """Return "cell 7: NameError: name 'x' is not defined" for each cell that failed."""
        return self.ask("notebook.widgets.flatMap((cell, index) => cell.model.type !== 'code' ? [] :"
                        " cell.model.outputs.toJSON().filter(output => output.output_type === 'error')"
                        ".map(output => `cell ${index}: ${output.ename}: ${output.evalue}`))")

    def wait_until(self, condition, seconds, what):
        """Look three times a second whether the condition holds; if it never does, say `what` did not happen."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {seconds} seconds. The kernel is {self.status}, "
                                   f"and the execution counts are {self.counts()}.")
            self.page.wait_for_timeout(SECONDS / 3)

    def close(self):
        """Shut the kernel down and close the page."""
        self.ask("panel.sessionContext.shutdown()")
        self.page.close()
