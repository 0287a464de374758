"""Training: what a lesson sees of it, what survives an interruption, and what is refused."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import psutil
import pytest

from utils import storage, training
from utils.models import GAN, VAE, build_decoder, build_encoder
from utils.training import LiveView, train

ROOT = Path(__file__).parents[2]
EPOCHS, BATCH_SIZE = 3, 12
IMAGES = np.random.default_rng(5).random((24, 784)).astype("float32")  # two steps an epoch


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A course folder of its own, and a kernel that has not said anything yet."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "course"))
    storage.say_once.cache_clear()
    return tmp_path / "course"


def falling_rate():
    return keras.optimizers.schedules.CosineDecay(0.01, EPOCHS * len(IMAGES) // BATCH_SIZE)


def tiny_vae(seed=3):
    keras.utils.set_random_seed(seed)
    model = VAE(build_encoder(2, (8,)), build_decoder(2, (8,)))
    model.compile(keras.optimizers.Adam(falling_rate()), run_eagerly=True)  # a graph costs more than it saves
    return model


def tiny_gan(seed=3, rate=None):
    keras.utils.set_random_seed(seed)
    generator, discriminator = (
        keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(outputs)])
        for inputs, outputs in ((4, 784), (784, 1)))
    model = GAN(generator, discriminator, latent_dim=4)
    model.compile(keras.optimizers.Adam(rate or falling_rate()), keras.optimizers.RMSprop(0.002), run_eagerly=True)
    return model


def plain(seed=3, rate=None, width=4):
    """Return a model of one layer, for what does not depend on the model: it trains in a fifth of the time."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(width)])
    model.compile(keras.optimizers.Adam(rate or falling_rate()), "mse", metrics=["mae"], run_eagerly=True)
    return model


MODELS = {"vae": tiny_vae, "gan": tiny_gan}
NAMES = {"vae": {"elbo", "log_likelihood", "kl"}, "gan": {"discriminator_loss", "generator_loss"}}
each_model = pytest.mark.parametrize("kind", MODELS)


def train_tiny(model, name="tiny", view=None, epochs=EPOCHS, **options):
    if isinstance(model, keras.Sequential):
        options |= {"y": IMAGES[:, :model.output_shape[-1]]}
    return train(model, IMAGES, name=name, epochs=epochs, batch_size=BATCH_SIZE, view=view, shuffle=False, **options)


class Act(keras.callbacks.Callback):
    """Calls a function after a batch in the middle of an epoch, both counted from 0. Stands where a view would."""

    def __init__(self, epoch=None, act=None, batch=0):
        super().__init__()
        self.moment, self.act, self.begun = (epoch, batch), act, []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(epoch)

    def on_train_batch_end(self, batch, logs=None):
        if (self.begun[-1], batch) == self.moment:
            self.act(self.model)


def interrupt(*_):
    raise KeyboardInterrupt


def cut_off(model, epoch=2, **options):
    """Train until the learner stops the cell in the middle of an epoch, counted from 0."""
    with pytest.raises(KeyboardInterrupt):
        train_tiny(model, view=Act(epoch, interrupt), **options)


def state(model):
    """Weights, moments and step counters in one row."""
    return np.concatenate([np.ravel(variable) for variable in training._weights_and_moments(model)])


def begun_epochs(model, **options):
    watcher = Act()
    train_tiny(model, view=watcher, **options)
    return watcher.begun


def resumed_after(*epochs):
    return "".join(f"Resuming the interrupted training after epoch {done} of 3.\n" for done in epochs)


# A whole training -------------------------------------------------------------------------------------------

@each_model
def test_training_is_the_training_of_fit(kind):
    model, other = MODELS[kind](), MODELS[kind]()
    history = train_tiny(model)
    assert history == other.fit(IMAGES, epochs=EPOCHS, batch_size=BATCH_SIZE, shuffle=False, verbose=0).history
    assert [len(values) for values in history.values()] == [EPOCHS] * len(NAMES[kind]) and set(history) == NAMES[kind]
    np.testing.assert_array_equal(state(model), state(other))


def test_validation_belongs_to_the_history():
    history = train_tiny(plain(), validation_data=(IMAGES[:8], IMAGES[:8, :4]))
    assert set(history) == {"loss", "mae", "val_loss", "val_mae"} and len(history["val_loss"]) == EPOCHS


def test_finished_training_leaves_nothing_behind_and_starts_anew(folder, capsys):
    model = plain()
    train_tiny(model)
    assert list((folder / "training").iterdir()) == []
    assert begun_epochs(model) == [0, 1, 2]
    assert capsys.readouterr().out == ""


def test_model_without_weights_is_refused():
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match=r"Sequential has not seen an image yet. Call it on one batch first"):
        train(model, IMAGES, name="unbuilt", epochs=1, batch_size=4)


# A training that was cut off --------------------------------------------------------------------------------

KILLED = """
import sys
sys.path.insert(0, ".")
from tests.library.test_training import *

def kill(model):
    print("killed", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

def train_a_gan_and_be_killed(model):
    train_tiny(tiny_gan(), "gan", Act(2, kill))

# Both trainings are under way when the kernel dies, each in the middle of its third epoch.
train_tiny(tiny_vae(), "vae", Act(2, train_a_gan_and_be_killed))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The course folder that a killed kernel leaves behind."""
    home = tmp_path_factory.mktemp("killed")
    environment = os.environ | {"COURSE_HOME": str(home)}
    kernel = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (kernel.returncode, kernel.stdout) == (-signal.SIGKILL, "killed\n"), kernel.stderr
    return home


@each_model
def test_new_kernel_resumes_a_killed_training_with_weights_moments_and_schedule(kind, killed, monkeypatch, capsys):
    """The resumed training ends where an uninterrupted one ends, to the last digit, given the same noise and order.

    Keras' backup does not hold the random state: a resumed training draws the noise and the order of the images anew
    from the seed. So the order is fixed here, and the seed generator set to where the uninterrupted training had it.
    """
    whole, noise = MODELS[kind](), []
    expected = train_tiny(whole, view=Act(1, lambda model: noise.append(model.random.state.numpy()), batch=1))

    monkeypatch.setenv("COURSE_HOME", str(killed))
    resumed, watcher = MODELS[kind](seed=99), Act()
    resumed.random.state.assign(noise[0])
    history = train_tiny(resumed, kind, watcher)

    assert capsys.readouterr().out == resumed_after(2)
    assert watcher.begun == [2]
    assert list(history) == list(expected)
    for name, values in expected.items():
        assert history[name] == pytest.approx(values)
    np.testing.assert_allclose(state(resumed), state(whole), rtol=1e-6, atol=1e-9)
    assert list((killed / "training").glob(f"{kind}-*")) == []


def test_stopped_cell_resumes_when_it_is_run_again(capsys):
    """Also where fit has added variables, those of the metrics, and where a second optimiser gets another name."""
    model = plain()
    cut_off(model, epoch=1)
    cut_off(plain(), epoch=2)  # cut off twice
    assert begun_epochs(model) == [2]
    cut_off(model)
    assert begun_epochs(plain()) == [2]
    assert capsys.readouterr().out == resumed_after(1, 2, 2)


def test_stop_before_the_first_epoch_is_complete_leaves_nothing_to_resume(capsys):
    cut_off(plain(), epoch=0)
    assert begun_epochs(plain()) == [0, 1, 2]
    assert capsys.readouterr().out == ""


def test_kernel_that_dies_after_the_last_epoch_has_nothing_left_to_train(monkeypatch):
    model = plain()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training.Backup, "on_train_end", interrupt)
        train_tiny(model)
    watcher, again = Act(), plain(seed=99)
    history = train_tiny(again, view=watcher)
    assert (watcher.begun, len(history["loss"])) == ([], EPOCHS)
    np.testing.assert_array_equal(state(again), state(model))


def test_next_training_after_a_resumed_one_begins_with_the_first_epoch():
    model = plain()
    cut_off(model)
    train_tiny(model)
    assert begun_epochs(model) == [0, 1, 2]
    cut_off(model)
    train_tiny(model)
    assert len(model.fit(IMAGES, IMAGES[:, :4], epochs=3, verbose=0).epoch) == 3


@pytest.mark.parametrize(("kind", "change", "settings"), [
    (plain, {"rate": 0.02}, {}), (plain, {"width": 5}, {}), (tiny_gan, {"rate": 0.02}, {}),
    (plain, {}, {"name": "other"}), (plain, {}, {"epochs": 2})],
    ids=["rate", "width", "rate of a GAN's first player", "name", "epochs"])
def test_training_with_another_optimiser_layer_or_setting_starts_anew(kind, change, settings, capsys):
    cut_off(kind())
    assert begun_epochs(kind(**change), **settings) == [0, 1, 2][:settings.get("epochs")]
    assert capsys.readouterr().out == ""


# Bad luck ---------------------------------------------------------------------------------------------------

def truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


DAMAGES = {
    "weights cut off": lambda folder: [truncate(path) for path in folder.glob("backup/latest.weights.h5*")],
    "empty metadata": lambda folder: (folder / "backup" / "training_metadata.json").write_text(""),
    "metadata of another kind": lambda folder: (folder / "backup" / "training_metadata.json").write_text("[]"),
    "no history": lambda folder: (folder / "history.json").unlink(),
    "history of another kind": lambda folder: (folder / "history.json").write_text("7"),
    "short history": lambda folder: (folder / "history.json").write_text("[{}]"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_backup_starts_the_training_anew_in_one_sentence(damage, folder, capsys):
    expected = plain()
    train_tiny(expected)
    cut_off(plain())
    DAMAGES[damage](*(folder / "training").iterdir())
    model = plain()
    train_tiny(model)
    said = capsys.readouterr().out
    assert said.startswith("The backup of the interrupted training cannot be read (")
    assert said.endswith("); training starts anew.\n") and said.count("\n") == 1
    np.testing.assert_allclose(state(model), state(expected), rtol=1e-6, atol=1e-9)


def test_weights_cut_off_while_they_were_written_resume_one_epoch_earlier(folder, capsys):
    cut_off(plain())
    truncate(*(folder / "training").glob("*/backup/latest.weights.h5"))
    assert len(train_tiny(plain())["loss"]) == EPOCHS
    assert capsys.readouterr().out == resumed_after(1)


def test_training_goes_on_where_nothing_can_be_written_and_says_so_once(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("a file, where a folder is wanted")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "course"))
    assert [len(train_tiny(plain())["loss"]) for _ in range(2)] == [EPOCHS, EPOCHS]
    said = capsys.readouterr().out
    assert said.startswith("Note: the folder ") and said.count("\n") == 1


def test_second_living_kernel_trains_in_a_folder_of_its_own(folder, capsys):
    """The process that runs the tests' shell stands for another kernel."""
    cut_off(plain())
    [first] = (folder / "training").iterdir()
    (first / "owner").write_text(f"{os.getppid()} {psutil.Process(os.getppid()).create_time()}")
    before = sorted((path, path.stat().st_mtime_ns) for path in first.rglob("*"))
    assert begun_epochs(plain()) == [0, 1, 2]
    assert sorted((path, path.stat().st_mtime_ns) for path in first.rglob("*")) == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("owner", ["4194999 1.0", f"{os.getppid()} 1.0", "nonsense", "", f"{10**30} 1.0"])
def test_folder_of_a_dead_kernel_is_taken_over(owner, folder):
    cut_off(plain())
    [first] = (folder / "training").iterdir()
    (first / "owner").write_text(owner)
    assert begun_epochs(plain()) == [2]


# The live view ----------------------------------------------------------------------------------------------

def view(images=lambda model: IMAGES[:20]):
    return LiveView({"elbo": "ELBO", "kl": "KL"}, "nats per image", images, "images", columns=5, rows=4)


class FakeNotebook:
    """Stands for IPython's display: keeps what is shown, and what replaces it."""

    def __init__(self, monkeypatch):
        self.displayed, self.updates = [], []
        monkeypatch.setattr(training, "get_ipython", lambda: SimpleNamespace(has_trait=lambda name: name == "kernel"))
        monkeypatch.setattr(training, "display", self.display)

    def display(self, image, display_id):
        assert display_id is True
        self.displayed.append(image.data)
        return SimpleNamespace(update=lambda image: self.updates.append(image.data))


def test_live_view_prints_a_line_an_epoch_outside_a_notebook(capsys):
    history = train_tiny(tiny_vae(), view=view())
    assert capsys.readouterr().out.splitlines() == [
        f"epoch {epoch + 1} of 3: ELBO {history['elbo'][epoch]:.2f}, KL {history['kl'][epoch]:.2f}"
        for epoch in range(EPOCHS)]


def test_live_view_redraws_one_picture_in_a_notebook(monkeypatch, capsys):
    notebook, titles = FakeNotebook(monkeypatch), []
    update = training.plots.TrainingPicture.update

    def note_title(picture, history, images, title):
        titles.append(title)
        update(picture, history, images, title)

    monkeypatch.setattr(training.plots.TrainingPicture, "update", note_title)
    monkeypatch.setattr(LiveView, "share", 1.0)
    train_tiny(tiny_vae(), view=view())
    pictures = notebook.displayed + notebook.updates
    assert (len(notebook.displayed), len(pictures)) == (1, 4)
    assert all(picture.startswith(b"\x89PNG") for picture in pictures) and len(set(pictures)) == 3
    assert titles == [f"epoch {epoch} of 3" for epoch in (1, 2, 3, 3)]
    assert capsys.readouterr() == ("", "")


def test_live_view_spends_its_share_of_the_time_on_drawing(monkeypatch):
    """A clock by hand: epochs of one second and drawings of a tenth, so 4% are 40 drawings in 100 epochs."""
    notebook, clock = FakeNotebook(monkeypatch), SimpleNamespace(now=0.0)
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(training.plots, "png", lambda picture: b"\x89PNG\r\n\x1a\n")

    def images(model):
        clock.now += 0.1
        return IMAGES[:20]

    callback = view(images=images)
    callback.set_params({"epochs": 100})
    callback.on_train_begin()
    for epoch in range(100):
        clock.now += 1
        callback.on_epoch_end(epoch, {"elbo": -200.0 + epoch, "kl": 1.0})
    assert 40 <= 1 + len(notebook.updates) <= 42


def test_live_view_of_a_resumed_training_shows_the_curves_from_the_first_epoch(capsys):
    cut_off(tiny_vae())
    callback = view()
    history = train_tiny(tiny_vae(), view=callback)
    assert callback.history == {"elbo": history["elbo"], "kl": history["kl"]}
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["epoch 3 of 3"]
