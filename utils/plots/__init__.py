"""Pictures that more than one lesson draws. One palette, labelled axes, sizes that fit JupyterLab's column.

Arrays in, figure out: a notebook shows the `Picture` when it is the last line of a cell. What a single lesson draws
stands in that lesson's own `pictures`.
"""

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, WIDTH, MovingPicture, Picture, canvas, label, png
from utils.plots.charts import draw_line_chart, histogram, ladder, line_chart, logarithmic_line_chart
from utils.plots.explorer import Explorer, slider
from utils.plots.images import as_squares, asset, captioned, class_counts, digits, draw_digits, mosaic, neighbours
from utils.plots.latents import draw_latents, plane_explorer, two_panels
from utils.plots.live import TrainingPicture
