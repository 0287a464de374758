"""Interactive explorers. Each carries a static picture for readers who cannot run it.

An explorer is displayed as one bundle: the live widget, and a PNG of its default state that a saved notebook shows
before a kernel lives and that a code host shows for ever.
"""

from utils.widgets.binarisation import binarisation_explorer
from utils.widgets.explorer import Explorer, slider
from utils.widgets.games import game_explorer
from utils.widgets.integrals import bound_explorer, integral_explorer
from utils.widgets.latents import between_corners, code_explorer, corner_explorer, latent_explorer
from utils.widgets.layers import curve_explorer
from utils.widgets.masks import mask_explorer
from utils.widgets.metrics import metric_explorer
from utils.widgets.neurons import neuron_explorer
from utils.widgets.optimisers import optimiser_race
from utils.widgets.rates import beta_explorer
from utils.widgets.scaling import batch_explorer
