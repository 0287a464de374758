"""The picture that a training redraws once an epoch."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import INK, SERIES, canvas, finish
from utils.plots.images import draw_digits, mosaic


class TrainingPicture:
    """The live view's picture: curves on the left, the model's images on the right.

    Built once and then only updated, because building a figure takes longer than redrawing it. `columns` and `rows` are
    those of the mosaic, `epochs` fixes the horizontal axis, `y` is the label of the vertical one, with its unit.
    """

    def __init__(self, names, columns, rows, epochs, y, caption=""):
        self.columns = columns
        self.picture, (self.curve_axis, image_axis) = canvas(height=3.5, columns=2, width_ratios=(1, 1.1))
        self.lines = {name: self.curve_axis.plot([], [], color=colour, label=name, linewidth=1.8, marker="o",
                                                 markersize=2.5)[0]
                      for name, colour in zip(names, SERIES, strict=False)}
        self.curve_axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        finish(self.curve_axis, "", "epoch", y, legend={} if len(self.lines) > 1 else None, xlim=(0.5, epochs + 0.5))
        blank = np.zeros((rows * columns, 28, 28), np.float32)
        self.mosaic = draw_digits(image_axis, blank, columns, caption)
        self.updates = 0

    def update(self, history, images, title):
        """Show `history` (dictionary of name → values, one an epoch), `images` and a title over the curves."""
        for name, line in self.lines.items():
            line.set_data(np.arange(1, len(history[name]) + 1), history[name])
        self.curve_axis.relim()
        self.curve_axis.autoscale_view(scalex=False)
        self.curve_axis.set_title(title, fontsize=10.5, color=INK)
        self.mosaic.set_data(np.ma.masked_invalid(mosaic(images, self.columns)))
        self.updates += 1  # not the epochs: a resumed training begins with many
        self.picture.set_layout_engine("constrained" if self.updates < 3 else "none")
