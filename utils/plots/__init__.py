"""Arrays in, figure out. One palette, labelled axes, sizes that fit JupyterLab's column.

Every function returns a `Picture`, which a notebook shows when it is the last line of a cell.
"""

from utils.plots.applications import (
    accuracies,
    answers,
    areas_by_digit,
    axis_correlations,
    bias,
    code_lengths,
    data_hunger,
    growing,
    roc,
    score_histograms,
)
from utils.plots.autoencoders import (
    code_plane,
    code_sources,
    draw_codes,
    over_code_size,
    principal_angles,
    signed_images,
    unit_activity,
)
from utils.plots.canvas import (
    BLACK,
    BLUE,
    DIGIT_COLOURS,
    DPI,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SERIES,
    SKY,
    WIDTH,
    YELLOW,
    MovingPicture,
    Picture,
    canvas,
    label,
    png,
)
from utils.plots.clinic import averaged_path, cures, patients, phase_portraits, recipes, step_times
from utils.plots.curves import curves, draw_curves, histogram, ladder, logarithmic_curves
from utils.plots.games import (
    broken_games,
    discriminator,
    draw_game,
    game_frames,
    generator_gradients,
    move_game,
)
from utils.plots.images import as_squares, asset, captioned, class_counts, digits, draw_digits, mosaic
from utils.plots.integrals import (
    bounds,
    curse,
    draw_bound,
    draw_integral,
    growth,
    integration_errors,
    mixture_steps,
    posterior_maps,
    stratified_points,
    string_of_gaussians,
    training_on_the_ladder,
)
from utils.plots.latents import draw_corners, draw_latents, gaps, gradient_noise, planes, posteriors
from utils.plots.layers import (
    bump,
    computational_graph,
    curve_fits,
    folding,
    logit_gradient,
    matrix_product,
    network_shapes,
    regions,
    signals,
    step_errors,
    weight_maps,
)
from utils.plots.live import TrainingPicture
from utils.plots.masks import draw_fill_ins, move_fill_ins
from utils.plots.metrics import (
    bench,
    distance_shares,
    draw_gauges,
    frechet_bias,
    looks_and_likelihood,
    manifolds,
    move_gauges,
    neighbours,
    two_gaussians,
)
from utils.plots.neurons import (
    BETWEEN,
    activations,
    boundary,
    cross_entropy,
    descents,
    draw_points,
    gates,
    neuron_and_model,
    neurons_in_the_plane,
    one_input,
    perceptron_runs,
    slope_chain,
    weight_images,
    window,
)
from utils.plots.rates import (
    dimension_prices,
    draw_prices,
    draw_rate_distortion,
    extrapolation,
    importance_check,
    latent_sizes,
    rate_distortion,
    weighted_bounds,
)
from utils.plots.scaling import (
    draw_epoch_costs,
    draw_paths,
    floors,
    flow,
    move_epoch_costs,
    paths,
    roofline,
    speed_ups,
    streams,
    two_clocks,
)
from utils.plots.training import (
    agreement,
    convolution,
    draw_race,
    draw_valley,
    feature_maps,
    move_race,
    overfitting,
    races,
    receptive_fields,
    schedules,
    trust,
)
from utils.plots.wasserstein import charts, critics, distances, singular_values, sorted_pairs
