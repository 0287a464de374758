"""What every explorer is made of: controls above a picture of fixed size."""

import base64

import ipywidgets

from utils.plots.canvas import DPI, WIDTH


class Explorer:
    """Controls above a picture that is redrawn whenever one of them moves.

    Args:
        draw: function of the controls' values, by name, that returns PNG bytes.
        buttons: {ipywidgets.Button: function to call before redrawing}.
        controls: ipywidgets with a `value`, by the name of the argument they set.
    """

    def __init__(self, draw, buttons=None, **controls):
        self.draw, self.controls = draw, controls
        self.default = draw(**{name: control.value for name, control in controls.items()})
        width = f"{round(WIDTH * DPI)}px"
        self.image = ipywidgets.Image(value=self.default, format="png",
                                      layout=ipywidgets.Layout(width=width, max_width="100%"))
        for control in controls.values():
            control.style.description_width = "11em"
            control.layout.width = "30em"
            control.observe(lambda change: self.redraw(), names="value")
        for button, act in (buttons or {}).items():
            button.on_click(lambda _, act=act: (act(), self.redraw()))
        rows = [ipywidgets.HBox(list(buttons))] if buttons else []
        self.box = ipywidgets.VBox([*controls.values(), *rows, self.image])

    def redraw(self):
        """Draw the picture anew from the controls' present values."""
        self.image.value = self.draw(**{name: control.value for name, control in self.controls.items()})

    def _repr_mimebundle_(self, include=None, exclude=None):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {"application/vnd.jupyter.widget-view+json": view,
                "image/png": base64.b64encode(self.default).decode("ascii"),
                "text/plain": "Interactive picture: run this cell to move its controls."}


def slider(description, low, high, value, step=None):
    """Return a slider for whole numbers, or for decimal numbers when `step` is not a whole number."""
    kind = ipywidgets.IntSlider if step is None or isinstance(step, int) else ipywidgets.FloatSlider
    return kind(value=value, min=low, max=high, step=step or 1, description=description, continuous_update=True)
