"""The course's look: palette, figures that show themselves, and pictures of which only a part moves."""

import io

import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image

# Okabe and Ito (2008): tells eight colours apart for every common kind of colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#222222")
SERIES = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)
# Ten classes need ten colours: Tol's "muted" scheme (2021). Plots name the digit as well, never by colour alone.
DIGIT_COLOURS = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499",
                 "#777777")
INK, GRID = "#222222", "#DDDDDD"
DPI = 110
WIDTH = 8.4  # inches; with DPI this is as wide as a notebook's column


class Picture(Figure):
    """A Matplotlib figure that shows itself in a notebook without pyplot's global state, in the course's look."""

    def __init__(self, *arguments, **options):
        use_defaults()
        super().__init__(*arguments, **options)

    def _repr_png_(self):
        return png(self)


def use_defaults():
    """Let Matplotlib draw as it does out of the box, whatever its rc file or an editor's dark theme has set.

    Called before a figure is made and before it is drawn, because lines, texts and ticks read the settings when they
    are made, and an editor may set its theme at any time. It holds for the whole kernel, as such a theme would.
    """
    style.use("default")


def png(figure):
    """Return a figure as PNG bytes on a white ground, readable in JupyterLab's dark theme too."""
    use_defaults()
    # Drawing on the canvas oneself takes half the time of `savefig`, which draws twice for its layout.
    figure.set_dpi(DPI)
    agg = FigureCanvasAgg(figure)
    agg.draw()
    # A palette of 256 colours takes a third of the bytes, so that a notebook with its pictures stays below 1 MB.
    return _encoded(_image(agg).quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))


def _image(agg):
    return Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3])


def _encoded(image):
    buffer = io.BytesIO()
    image.save(buffer, format="png")
    return buffer.getvalue()


class MovingPicture:
    """A complete figure of which only some artists change: they are redrawn in their order, which takes little time.

    All else is drawn once, and keeps the layout that it has now.
    """

    def __init__(self, picture, artists):
        self.artists = artists
        picture.set_dpi(DPI)
        self.agg = FigureCanvasAgg(picture)
        self.agg.draw()
        picture.set_layout_engine("none")
        opacities = [artist.get_alpha() for artist in artists]
        for artist in artists:
            artist.set_alpha(0)  # not invisible: Matplotlib would move a title that it does not see
        self.agg.draw()
        self.ground = self.agg.copy_from_bbox(picture.bbox)
        for artist, opacity in zip(artists, opacities, strict=True):
            artist.set_alpha(opacity)

    def png(self):
        """Return the figure with its artists as they are now, as PNG bytes."""
        use_defaults()
        self.agg.restore_region(self.ground)
        for artist in self.artists:
            artist.axes.draw_artist(artist)
        return _encoded(_image(self.agg))


def canvas(height, rows=1, columns=1, **options):
    """Return (picture, axes) with the course's look; `options` go to Matplotlib's `subplots`."""
    picture = Picture(figsize=(WIDTH, height), layout="constrained")
    axes = picture.subplots(rows, columns, **options)
    for axis in np.ravel(axes):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=9, color=INK)
    return picture, axes


def arrow(axis, start, end, colour=INK, width=1.3, gap=0):
    """Draw an arrow between two places, `gap` points short of both."""
    axis.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=colour, linewidth=width,
                                   shrinkA=gap, shrinkB=gap, zorder=4))


def label(axis, title="", x="", y=""):
    """Write an axis' title and labels in the course's sizes."""
    axis.set_title(title, fontsize=10.5, color=INK)
    axis.set_xlabel(x, fontsize=9.5, color=INK)
    axis.set_ylabel(y, fontsize=9.5, color=INK)


def finish(axis, title="", x="", y="", grid=True, legend=None, **settings):
    """Give a panel its labels, a grid, settings such as `xlim`, and a legend where there are options for it."""
    if grid:
        axis.grid(color=GRID, linewidth=0.6)
    if legend is not None:
        axis.legend(frameon=False, **{"fontsize": 9} | legend)
    axis.set(**settings)
    label(axis, title, x, y)
