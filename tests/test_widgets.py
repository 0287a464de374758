"""Explorers: what is displayed, what their controls do, and how fast."""

import base64
import io
import itertools
import time

import ipywidgets
import keras
import numpy as np
import pytest
from matplotlib.image import AxesImage
from matplotlib.text import Text
from PIL import Image
from scipy import integrate, stats
from threadpoolctl import threadpool_limits

from utils import plots
from utils.data import add_noise
from utils.evaluation import coverage, frechet_distance, precision_recall
from utils.models import GAN
from utils.scratch import logistic_gradient
from utils.widgets import (
    batch_explorer,
    beta_explorer,
    between_corners,
    binarisation_explorer,
    bound_explorer,
    code_explorer,
    corner_explorer,
    curve_explorer,
    game_explorer,
    integral_explorer,
    latent_explorer,
    mask_explorer,
    metric_explorer,
    neuron_explorer,
    optimiser_race,
    slider,
)

RNG = np.random.default_rng(6)


def binarisation():
    return binarisation_explorer(RNG.random((12, 784)))


def decode_halves(latents):
    """A decoder without a network: a digit whose left half follows z₁ and whose right half follows z₂."""
    first, second = 1 / (1 + np.exp(-np.asarray(latents)[0]))
    return np.concatenate([np.full((1, 28, 14), first), np.full((1, 28, 14), second)], axis=-1).reshape(1, 784)


def latent():
    return latent_explorer(decode_halves, RNG.normal(size=(4000, 2)), np.arange(4000) % 10)


def code():
    codes = np.concatenate([[[3.0, 2.0]], np.tile([[3.0, -2.0]], (7, 1)), np.tile([[3.1, -2.0]], (2, 1))])
    return code_explorer(decode_halves, codes, np.repeat([5, 4, 9], [1, 7, 2]), (-1, 9, -4, 6))


CORNERS = np.array([[2.0, 0, 0], [0, 2, 1], [-2, 1, 0], [0, -2, 2]])


def generate_halves(latents):
    """A generator without a network: digits whose halves follow the first two latents."""
    return np.concatenate([decode_halves(latent[None, :2]) for latent in latents])


def corners():
    return corner_explorer(generate_halves, CORNERS)


def build_game():
    keras.utils.set_random_seed(0)
    generator, discriminator = (
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)]) for _ in range(2))
    game = GAN(generator, discriminator, latent_dim=1)
    game.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return game


def game():
    return game_explorer(build_game, lambda count, seed: np.random.default_rng(seed).normal(1, 0.5, (count, 1)),
                         lambda x: np.exp(-2 * (x - 1)**2) * np.sqrt(2 / np.pi))


def clouds(seed):
    labels = np.arange(60) % 2
    return np.random.default_rng(seed).normal(size=(60, 2)) + 2 * labels[:, None] - 0.6, labels


def neuron():
    return neuron_explorer(clouds, logistic_gradient)


def beta():
    images = np.repeat(RNG.random((3, 36, 7)), 112, axis=-1)  # stripes: noise would not pack
    return beta_explorer({"1/784": (320.0, 86.0, images[0], images[1]), "1": (22.0, 110.0, images[1], images[2]),
                          "784": (0.0, 207.0, images[2], images[0])}, default="1")


def draw_starts(images, visible, starts, seed):
    """A sampler without a model: what each chain starts with, shaded by the seed."""
    return visible * images + (1 - visible) * starts * (1 - seed / 100)


WITH_HOLES = np.repeat(RNG.random((9, 28, 7)) < 0.3, 4, axis=-1).reshape(9, 784)


def mask():
    return mask_explorer(draw_starts, WITH_HOLES)


STRIPES = np.kron(RNG.random((1_500, 7, 7)), np.ones((1, 4, 4)))  # smooth, so that they pack
STRIPES[:, :4, :4] = (np.arange(1_500) % 10 / 10)[:, None, None]  # a corner that tells the digit


def some_pixels(images):
    return images[:, 1::9, 1::9].reshape(len(images), -1)


def metric():
    return metric_explorer(STRIPES, np.arange(1_500) % 10, some_pixels, frechet_distance, precision_recall, coverage)


def batch():
    return batch_explorer(per_step=1e-3, per_image=2e-5, arithmetic=4e-5)


@pytest.fixture(scope="module")
def explorers():
    return {"binarisation": binarisation(), "latent": latent(), "code": code(), "corners": corners(), "game": game(),
            "race": optimiser_race(), "neuron": neuron(), "metric": metric(), "curve": curve_explorer(), "beta": beta(),
            "integral": integral_explorer(np.square, 0.4), "bound": bound_explorer(np.square, 0.4), "mask": mask(),
            "batch": batch()}


@pytest.fixture
def explorer(request, explorers):
    explorer = explorers[request.param]
    before = {name: control.value for name, control in explorer.controls.items()}
    yield explorer
    for name, value in before.items():
        explorer.controls[name].value = value


every_explorer = pytest.mark.parametrize("explorer", ["binarisation", "latent", "code", "corners", "game", "race",
                                                      "neuron", "metric", "curve", "beta", "integral", "bound", "mask",
                                                      "batch"], indirect=True)
slider_explorer = pytest.mark.parametrize("explorer", ["binarisation", "latent", "code", "corners", "race", "neuron",
                                                       "curve", "metric", "beta", "integral", "bound", "mask",
                                                       "batch"], indirect=True)
game_only = pytest.mark.parametrize("explorer", ["game"], indirect=True)
race_only = pytest.mark.parametrize("explorer", ["race"], indirect=True)
curve_only = pytest.mark.parametrize("explorer", ["curve"], indirect=True)
integral_only = pytest.mark.parametrize("explorer", ["integral"], indirect=True)
bound_only = pytest.mark.parametrize("explorer", ["bound"], indirect=True)
mask_only = pytest.mark.parametrize("explorer", ["mask"], indirect=True)
metric_only = pytest.mark.parametrize("explorer", ["metric"], indirect=True)
neuron_only = pytest.mark.parametrize("explorer", ["neuron"], indirect=True)


def button(explorer, description):
    rows = [child for child in explorer.box.children if isinstance(child, ipywidgets.HBox)]
    return next(each for each in rows[0].children if each.description == description)


def ends(control):
    """Return the first and the last value of a slider or of a list to choose from."""
    return (control.options[0], control.options[-1]) if hasattr(control, "options") else (control.min, control.max)


def is_png(value):
    return bytes(value).startswith(b"\x89PNG")  # ipywidgets keeps a memoryview


@every_explorer
def test_display_carries_the_widget_and_a_picture(explorer):
    bundle = explorer._repr_mimebundle_()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view == {"version_major": 2, "version_minor": 0, "model_id": explorer.box.model_id}
    picture = base64.b64decode(bundle["image/png"])
    assert picture == explorer.default and picture.startswith(b"\x89PNG")
    assert 3_000 < len(picture) < 150_000
    assert bundle["text/plain"].startswith("Interactive picture")


@every_explorer
def test_nothing_is_cut_off_at_the_rim_of_the_picture(explorer):
    drawn = np.asarray(Image.open(io.BytesIO(explorer.default)).convert("L"))
    assert np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]]).min() > 250


@slider_explorer
def test_every_slider_changes_the_picture_and_back(explorer):
    for control in explorer.controls.values():
        before, value = explorer.image.value, control.value
        control.value = ends(control)[1]
        assert is_png(explorer.image.value) and explorer.image.value != before
        control.value = value
        assert explorer.image.value == before


@every_explorer
def test_the_stored_picture_is_that_of_the_controls_first_values(explorer):
    control = next(iter(explorer.controls.values()))
    control.value = ends(control)[0]
    assert explorer._repr_mimebundle_()["image/png"] == base64.b64encode(explorer.default).decode()


@every_explorer
def test_extremes_of_all_sliders_draw(explorer):
    for values in itertools.product(*(ends(control) for control in explorer.controls.values())):
        for control, value in zip(explorer.controls.values(), values, strict=True):
            control.value = value
        assert is_png(explorer.image.value)


@every_explorer
def test_redraw_takes_less_than_a_tenth_of_a_second(explorer):
    times = []
    with threadpool_limits(1):  # a thread that waits for others of its matrix products would count as busy
        for _ in range(8):
            began = time.thread_time()  # of this thread alone, and the shortest: the machine may be busy
            explorer.redraw()
            times.append(time.thread_time() - began)
    assert min(times) < 0.1


@race_only
@pytest.mark.parametrize(("learning_rate", "momentum", "says"), [
    (-0.8, 0.8, "SGD never, momentum 29, Adam 34"), (-0.3, 0.5, "SGD never, momentum never")])
def test_race_says_who_arrived_and_when(explorer, learning_rate, momentum, says):
    explorer.controls["learning_rate"].value, explorer.controls["momentum"].value = learning_rate, momentum
    said, = words_when_redrawn(explorer)
    assert says in said


@pytest.mark.parametrize("explorer", ["code"], indirect=True)
@pytest.mark.parametrize(("first", "second", "says"), [
    (3.0, -2.0, "9 images near, mostly 4"), (3.25, -2.0, "2 images near, mostly 9"),
    (3.0, 2.0, "1 image near, mostly 5"), (8.0, 5.0, "0 images near")])
def test_code_explorer_begins_in_the_middle_of_the_codes_and_says_who_is_near(explorer, first, second, says):
    assert [control.value for control in explorer.controls.values()] == pytest.approx([3.0, -2.0])
    explorer.controls["first"].value, explorer.controls["second"].value = first, second
    assert words_when_redrawn(explorer)[-1].endswith(says)


@pytest.mark.parametrize("explorer", ["corners"], indirect=True)
@pytest.mark.parametrize(("right", "down", "length"), [(0, 0, 2.0), (1, 0, 5**0.5), (0, 1, 5**0.5), (1, 1, 8**0.5),
                                                       (0.5, 0.5, 2**-1 * (0 + 1 + 9)**0.5)])
def test_corners_says_how_long_the_latent_is(explorer, right, down, length):
    """At the corners their own lengths; in the middle that of the sum, (0, 1, 3), divided by √4."""
    explorer.controls["right"].value, explorer.controls["down"].value = right, down
    said = words_when_redrawn(explorer)
    assert said == [f"right {right:.2f}, down {down:.2f}: length of z {length:.1f}"]


def test_latents_between_corners_have_the_prior_s_length_where_plain_means_are_half_as_long():
    corners = np.random.default_rng(8).normal(size=(500, 4, 64))
    for right, down in ((0.5, 0.5), (0.25, 0.75), (0.0, 0.3)):
        squares = [np.sum(between_corners(each, right, down)**2) for each in corners]
        assert np.mean(squares) == pytest.approx(64, rel=0.03)
    assert np.mean(np.sum(corners.mean(axis=1)**2, axis=-1)) == pytest.approx(64 / 4, rel=0.03)


def test_latents_between_equally_long_perpendicular_corners_lie_on_the_circle_through_them():
    """There the path is that of spherical interpolation: it keeps the length and stays in the plane of the two."""
    corners = 3 * np.eye(4)
    path = between_corners(corners, np.linspace(0, 1, 11), np.zeros(11))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3, rtol=1e-6)
    np.testing.assert_array_equal(path[:, 2:], 0)
    np.testing.assert_allclose(path[[0, 5, 10], :2], [[3, 0], [4.5**0.5, 4.5**0.5], [0, 3]], rtol=1e-6)


def test_latents_between_corners_begin_and_end_at_the_corners_and_come_as_float32():
    np.testing.assert_allclose(between_corners(CORNERS, np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])), CORNERS)
    assert between_corners(CORNERS, 0.2, 0.7).dtype == np.float32 and between_corners(CORNERS, 0.2, 0.7).shape == (3,)


def test_between_corners_refuses_another_number_of_corners():
    with pytest.raises(ValueError, match=r"four latents, of shape \(4, latent_dim\), but got \(3, 3\)"):
        between_corners(CORNERS[:3], 0.5, 0.5)


@curve_only
@pytest.mark.parametrize(("hidden", "waves", "layer"), [(1, 3, 1), (12, 3, 1), (40, 8, 7), (64, 2, 20)])
def test_curve_is_fitted_as_well_as_these_hidden_neurons_can(explorer, hidden, waves, layer):
    """The network drawn is that of NumPy's least squares on the same hidden neurons, and so is the error in words."""
    for name, value in {"hidden": hidden, "waves": waves, "layer": layer}.items():
        explorer.controls[name].value = value
    said = words_when_redrawn(explorer)
    x, random = np.linspace(0, 1, 401), np.random.default_rng(layer)
    kinks, slopes = random.random(64), random.choice([-1.0, 1.0], 64)
    neurons = np.maximum(slopes[:hidden] * (x[:, None] - kinks[:hidden]), 0)
    columns, curve = np.concatenate([np.ones((401, 1)), neurons], axis=1), np.sin(2 * np.pi * waves * x**2)
    best = columns @ np.linalg.lstsq(columns, curve, rcond=None)[0]
    assert said == [f"{hidden} hidden neuron{'s' * (hidden > 1)}: error {np.sqrt(np.mean((best - curve)**2)):.3f}"]


def words_when_redrawn(explorer):
    """Return the texts that move, as they are when the picture is drawn."""
    said, png = [], plots.MovingPicture.png

    def note(picture):
        said[:] = [artist.get_text() for artist in picture.artists if isinstance(artist, Text)]
        return png(picture)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots.MovingPicture, "png", note)
        explorer.redraw()
    return said


@integral_only
@pytest.mark.parametrize("observed", [-1.0, 1.4, 5.0])
def test_integral_says_the_area_under_the_joint(explorer, observed):
    explorer.controls["observed"].value = observed
    area, _ = integrate.quad(lambda z: stats.norm.pdf(z) * stats.norm.pdf(observed, z**2, 0.4), -8, 8,
                             points=[-2, 0, 2])
    assert words_when_redrawn(explorer) == [f"area of the joint: p(x) = {area:.4f}"]


@bound_only
@pytest.mark.parametrize(("observed", "mean", "deviation"), [(2.0, 1.4, 0.15), (0.5, 0.0, 0.6), (4.0, -2.0, 0.05)])
def test_bound_says_elbo_divergence_and_their_sum(explorer, observed, mean, deviation):
    """Against closed forms: E_q of a quartic, the KL divergence from the prior, and the evidence by SciPy."""
    for name, value in {"observed": observed, "mean": mean, "deviation": deviation}.items():
        explorer.controls[name].value = value
    square, fourth = mean**2 + deviation**2, mean**4 + 6 * mean**2 * deviation**2 + 3 * deviation**4
    explained = -(observed**2 - 2 * observed * square + fourth) / (2 * 0.4**2) - np.log(0.4 * np.sqrt(2 * np.pi))
    elbo = explained - (square - 1 - 2 * np.log(deviation)) / 2
    evidence, _ = integrate.quad(lambda z: stats.norm.pdf(z) * stats.norm.pdf(observed, z**2, 0.4), -8, 8,
                                 points=[-2, 0, 2])
    words, = words_when_redrawn(explorer)
    numbers = [float(word.replace("−", "-")) for word in words.split() if word[-1].isdigit()]
    np.testing.assert_allclose(numbers, [elbo, np.log(evidence) - elbo, np.log(evidence)], atol=0.006)


def scores_in_words(explorer, **settings):
    """Set the explorer's controls and return its four numbers, as it says them."""
    for name, value in settings.items():
        explorer.controls[name].value = value
    return [float(words.split()[-1]) for words in words_when_redrawn(explorer)]


@metric_only
@pytest.mark.parametrize(("noise", "dropped"), [(0.0, 0), (0.2, 0), (0.0, 3)])
def test_metrics_are_those_of_500_images_against_500_others(explorer, noise, dropped):
    """Noise is drawn for the whole pool of images 500 to 1,499, and dropped digits make room for the others."""
    pool = add_noise(STRIPES[500:1_500], noise, seed=0)
    kept = pool[np.arange(1_000) % 10 < 10 - dropped][:500]
    real, fake = some_pixels(STRIPES[np.argsort(np.arange(500) % 10, kind="stable")]), some_pixels(kept)
    expected = frechet_distance(real, fake), *precision_recall(real, fake), coverage(real, fake)
    said = scores_in_words(explorer, blur=0.0, noise=noise, dropped=dropped)
    np.testing.assert_allclose(said, expected, atol=0.051)
    np.testing.assert_allclose(said[1:], expected[1:], atol=0.0051)


@metric_only
def test_damage_worsens_what_it_should(explorer):
    untouched, blurred, dropped = (scores_in_words(explorer, blur=blur, noise=0.0, dropped=without)
                                   for blur, without in ((0.0, 0), (2.0, 0), (0.0, 5)))
    assert blurred[0] > 3 * untouched[0] and blurred[2] < 0.5 * untouched[2]
    assert dropped[0] > 2 * untouched[0]


@metric_only
def test_metrics_of_a_new_setting_take_less_than_a_tenth_of_a_second(explorer):
    times = []
    for blur, noise in itertools.product((0.5, 1.5), (0.1, 0.2, 0.3)):  # nothing that was seen, and so remembered
        began = time.thread_time()
        explorer.draw(blur, noise, 2)
        times.append(time.thread_time() - began)
    assert min(times) < 0.1


def test_metric_explorer_wants_enough_images_of_each_digit():
    with pytest.raises(ValueError, match=r"150 images or more of each digit, but got .*149.*first 2,000 test"):
        metric_explorer(STRIPES[1:], np.arange(1, 1_500) % 10, some_pixels, frechet_distance, precision_recall,
                        coverage)


@neuron_only
@pytest.mark.parametrize(("description", "steps"), [("1 step downhill", 1), ("20 steps downhill", 20)])
def test_neuron_goes_down_the_gradient_that_it_was_given(explorer, description, steps):
    explorer.controls["seed"].value = 5
    button(explorer, "start at zero").click()
    weights, bias, (points, labels) = np.zeros(2), 0.0, clouds(5)
    for _ in range(steps):
        of_weights, of_bias = logistic_gradient(points, labels, weights, bias)
        weights, bias = weights - of_weights, bias - of_bias
    button(explorer, description).click()
    values = [explorer.controls[name].value for name in ("first", "second", "bias")]
    np.testing.assert_allclose(values, [*weights, bias], rtol=1e-12)


@neuron_only
def test_neuron_says_its_hits_and_its_loss(explorer):
    """Of a neuron that ignores the second input, on points where the loss can be computed by hand."""
    for name, value in {"first": 2.0, "second": 0.0, "bias": -1.0, "seed": 3}.items():
        explorer.controls[name].value = value
    points, labels = clouds(3)
    probability = 1 / (1 + np.exp(1 - 2 * points[:, 0]))
    loss = -np.log(np.where(labels == 1, probability, 1 - probability)).mean()
    said = words_when_redrawn(explorer)
    assert said[0] == f"{np.sum((probability > 0.5) == labels)} of 60 right"
    assert said[1].startswith(f"loss {loss:.3f} nats; lowest with this bias 0.")


@neuron_only
def test_neuron_without_weights_has_no_boundary_and_ln_2_to_lose(explorer):
    button(explorer, "start at zero").click()
    assert words_when_redrawn(explorer)[-1].startswith("loss 0.693 nats")


@game_only
@pytest.mark.parametrize(("description", "steps"), [("1 step", 1), ("50 steps", 50), ("500 steps", 500)])
def test_buttons_of_the_game_play_as_many_steps_as_they_say(explorer, description, steps):
    button(explorer, "start anew").click()
    before = explorer.image.value
    played = []
    fit = GAN.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GAN, "fit", lambda game, samples, **options: (
            played.append((len(samples), options["batch_size"], float(game.generator_optimizer.learning_rate))),
            fit(game, samples, **options)))
        explorer.controls["generator"].value = -2.0
        button(explorer, description).click()
    assert played == [(256 * steps, 256, pytest.approx(0.01))]
    assert explorer.image.value != before


@game_only
def test_game_starts_anew_where_it_began(explorer):
    button(explorer, "start anew").click()
    before = explorer.image.value
    button(explorer, "1 step").click()
    button(explorer, "start anew").click()
    assert explorer.image.value == before


@mask_only
@pytest.mark.parametrize(("number", "row", "column", "size"), [(0, 2, 5, 9), (8, 20, 22, 14)])
def test_mask_says_on_how_many_hidden_pixels_the_chains_agree(explorer, number, row, column, size):
    """Of chains that stay at their starts, twelve of the other eight images in turn, none of the image itself."""
    for name, value in {"number": number, "row": row, "column": column, "size": size}.items():
        explorer.controls[name].value = value
    others = [WITH_HOLES[place] for place in range(9) if place != number]
    average = np.mean([others[chain % 8].reshape(28, 28) for chain in range(12)], axis=0) * (1 - number / 100)
    hidden = average[row:row + size, column:column + size]
    agreed = np.sum((hidden < 0.1) | (hidden > 0.9))
    assert 0 < agreed < hidden.size
    assert words_when_redrawn(explorer) == [f"average of all 12; they\nagree on {agreed} of {hidden.size} pixels"]


@mask_only
def test_mask_shows_the_sampler_the_square_and_shows_what_it_drew(explorer):
    explorer.controls["number"].value, explorer.controls["column"].value = 5, 18
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AxesImage, "set_data", lambda image, digit: shown.append(np.array(digit)))
        explorer.redraw()
    visible, *drawn, average, image = shown
    true, square = WITH_HOLES[5].reshape(28, 28), np.s_[4:18, 18:32]
    np.testing.assert_array_equal(image, true)
    assert np.all(visible[square] == 0)
    for digit, other in zip([visible, *drawn], [true, *WITH_HOLES[[0, 1, 2, 3, 4]].reshape(-1, 28, 28)], strict=True):
        if digit is not visible:
            np.testing.assert_allclose(digit[square], 0.95 * other[square], rtol=1e-6)
        digit[square] = true[square]
        np.testing.assert_array_equal(digit, true)
    assert np.ptp(average[square]) > 0.3


def test_mask_explorer_wants_other_images_to_start_from():
    with pytest.raises(ValueError, match="two images or more"):
        mask_explorer(draw_starts, WITH_HOLES[:1])


@pytest.mark.parametrize("explorer", ["batch"], indirect=True)
@pytest.mark.parametrize(("batch", "work", "says"), [
    (128, 1, "469 steps: 4.07 s, of which 12% for the steps, 59% arithmetic"),
    (8, 1, "7,500 steps: 11.1 s, of which 68% for the steps, 22% arithmetic"),
    (8192, 256, "8 steps: 616 s, of which 0% for the steps, 100% arithmetic")])
def test_batch_explorer_says_what_an_epoch_costs_and_why(explorer, batch, work, says):
    """60,000 images: 1.2 s besides the arithmetic, 2.4 s of arithmetic, and a millisecond a step."""
    explorer.controls["batch"].value, explorer.controls["work"].value = batch, work
    assert words_when_redrawn(explorer) == [says]


def test_batch_explorer_refuses_a_negative_cost():
    with pytest.raises(ValueError, match=r"costs of 0 seconds or more, but got .* -2e-05"):
        batch_explorer(1e-3, -2e-5, 1e-5)


@pytest.mark.parametrize(("step", "kind"), [(None, ipywidgets.IntSlider), (2, ipywidgets.IntSlider),
                                            (0.05, ipywidgets.FloatSlider)])
def test_slider_is_of_the_kind_of_its_step(step, kind):
    control = slider("name", 0, 10, 4, step)
    assert isinstance(control, kind)
    assert (control.min, control.max, control.value, control.step) == (0, 10, 4, step or 1)
