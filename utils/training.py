"""Training as a lesson needs it: Keras' own `fit`, seen while it runs and resumed where it was cut off."""

import gc
import hashlib
import json
import math
import os
import shutil
import tempfile
import time

import keras
import psutil
from IPython import get_ipython
from IPython.display import Image, display

from utils import plots
from utils.storage import course_folder, say_folder_is_unwritable


class LiveView(keras.callbacks.Callback):
    """Redraw one figure in place once an epoch, and leave the last one as the cell's picture.

    Outside a notebook it prints one line an epoch instead. A redraw that would push the time spent on drawing over
    4% of the training time is left out, so that short epochs are not slowed down.

    Args:
        curves: dictionary of the name in Keras' logs → the name in the picture.
        y: label of the curves' axis, with its unit.
        images: function of the model that returns images (rows * columns, 784) or (…, 28, 28) in [0, 1]: samples or
            reconstructions, always from the same latents.
        caption: what the images are.
        columns, rows: shape of the mosaic.
    """

    share = 0.04  # of the training time that drawing may take

    def __init__(self, curves, y, images, caption, columns=10, rows=7):
        super().__init__()
        self.names, self.y, self.images, self.caption = dict(curves), y, images, caption
        self.columns, self.rows = columns, rows
        self.backup = None  # set by `train`; knows the epochs before an interruption

    def on_train_begin(self, logs=None):
        past = self.backup.past if self.backup else []
        self.history = {name: [logs[name] for logs in past] for name in self.names}
        self.picture = plots.TrainingPicture(self.names.values(), self.columns, self.rows, self.params["epochs"],
                                             self.y, self.caption)
        self.handle = None
        self.began, self.spent_drawing = time.perf_counter(), 0.0

    def on_epoch_end(self, epoch, logs=None):
        for name, values in self.history.items():
            values.append(float(logs[name]))
        if not in_notebook():
            values = ", ".join(f"{shown} {self.history[name][-1]:.2f}" for name, shown in self.names.items())
            print(f"epoch {epoch + 1} of {self.params['epochs']}: {values}")
        elif self.spent_drawing <= self.share * (time.perf_counter() - self.began):
            self.draw()

    def on_train_end(self, logs=None):
        if in_notebook() and any(self.history.values()):
            self.draw()

    def draw(self):
        """Draw the present state into the cell's one picture."""
        began = time.perf_counter()
        done = len(next(iter(self.history.values())))
        history = {shown: self.history[name] for name, shown in self.names.items()}
        self.picture.update(history, self.images(self.model), title=f"epoch {done} of {self.params['epochs']}")
        image = Image(plots.png(self.picture.picture))
        if self.handle is None:
            self.handle = display(image, display_id=True)
        else:
            self.handle.update(image)
        self.spent_drawing += time.perf_counter() - began


class Backup(keras.callbacks.BackupAndRestore):
    """Keras' backup after every epoch, with the curves so far, made harmless where its folder cannot be used."""

    def __init__(self, folder):
        super().__init__(str(folder / "backup"), double_checkpoint=True)
        self.journal = folder / "history.json"
        self.past = []  # Keras' logs of each epoch before the interruption

    def on_train_begin(self, logs=None):
        if self.model.optimizer is not None and not self.model.optimizer.built:  # as Keras does before it loads one
            self.model.optimizer.build(self.model.trainable_variables)
        variables = _weights_and_moments(self.model)
        untrained = [variable.numpy() for variable in variables]
        try:
            super().on_train_begin(logs)
            done = self.model._initial_epoch or 0
            self.past = json.loads(self.journal.read_text())[:done] if done else []
            if len(self.past) < done:
                raise ValueError(f"it holds the curves of {len(self.past)} epochs out of {done}")
        except Exception as error:  # a damaged file can raise nearly anything, and no training may fail on it
            shutil.rmtree(self.backup_dir, ignore_errors=True)
            self.model._initial_epoch, self.past = None, []
            for variable, value in zip(variables, untrained, strict=True):  # the weights may be loaded already
                variable.assign(value)
            reason = str(error).strip().split("\n")[0]
            print(f"The backup of the interrupted training cannot be read ({reason}); training starts anew.")
        self.epochs = list(self.past)
        if self.past:
            print(f"Resuming the interrupted training after epoch {len(self.past)} of {self.params['epochs']}.")

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append({name: float(value) for name, value in logs.items()})
        try:
            require_room(self.journal.parent, self.model)
            self.journal.write_text(json.dumps(self.epochs))
            super().on_epoch_end(epoch, logs)
        except OSError:
            say_folder_is_unwritable()

    def on_train_end(self, logs=None):
        shutil.rmtree(self.journal.parent, ignore_errors=True)


def train(model, images, *, name, epochs, batch_size, view=None, verbose=0, **options):
    """Train a compiled Keras model with `fit`, with a live view, and resume it if it was interrupted.

    An interrupted training (a stopped cell, a dead kernel) goes on after its last complete epoch when the cell is run
    again with the same model and settings. A finished one starts anew.

    Args:
        model: a built and compiled `keras.Model`.
        images, epochs, batch_size, verbose, options: as for `fit`; `verbose=1` shows Keras' own progress bar too.
        name: names the training on the learner's disk, such as "06-vae".
        view: a `LiveView`, or None.

    Returns:
        Dictionary of name → list of values, one an epoch, including the epochs before an interruption.
    """
    if not model.built:
        raise ValueError(f"train wants a model whose weights exist, but {type(model).__name__} has not seen an image "
                         "yet. Call it on one batch first, for example model(images[:1]).")
    backup = Backup(claim_folder(model, name, epochs=epochs, batch_size=batch_size))
    callbacks = [backup]
    if view:
        view.backup = backup
        callbacks.append(view)
    gc.collect()  # models that nobody uses any more hold their graphs in circles, and a training needs memory
    try:
        model.fit(images, epochs=epochs, batch_size=batch_size, verbose=verbose, callbacks=callbacks, **options)
    finally:
        model._initial_epoch = None  # Keras leaves it set after a resumed training, and the next `fit` would obey it
    return {name: [logs[name] for logs in backup.epochs] for name in backup.epochs[-1]}


def claim_folder(model, name, **settings):
    """Return the folder for the backup of this training: another one for other layers, optimiser or settings.

    A second kernel that runs the same training at the same time gets a folder of its own.
    """
    # Keras numbers the names of optimisers, so a cell that is run twice makes an "adam" and an "adam_1".
    identity = [settings, [optimizer.get_config() | {"name": ""} for optimizer in _optimizers(model)],
                [tuple(variable.shape) for variable in model.weights]]  # `variables` has metrics too, which fit adds
    fingerprint = hashlib.sha256(repr(identity).encode()).hexdigest()[:12]
    folder = course_folder() / "training" / f"{name}-{fingerprint}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _claim(folder / "owner"):
            folder = folder.with_name(f"{folder.name}-{os.getpid()}")
            folder.mkdir(exist_ok=True)
    except OSError:
        pass  # the first backup says so
    return folder


def _optimizers(model):
    """Return the optimisers that are attributes of the model: one, or the two of a GAN."""
    return [value for _, value in sorted(vars(model).items()) if isinstance(value, keras.optimizers.Optimizer)]


def _weights_and_moments(model):
    """Return all variables that Keras writes: the weights and what its optimisers hold, once they are built."""
    return [*model.weights, *(variable for optimizer in _optimizers(model) for variable in optimizer.variables)]


def _claim(owner):
    """Write this process into the file `owner`; return False if another living process stands there."""
    try:
        other, began = owner.read_text().split()
        if int(other) != os.getpid() and psutil.Process(int(other)).create_time() == float(began):
            return False
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pass  # nobody, a damaged file, or a process that is gone
    owner.write_text(f"{os.getpid()} {psutil.Process().create_time()}")
    return True


def require_room(folder, model):
    """Raise OSError unless a file as large as the model's weights and moments can be written into the folder.

    On a full disk HDF5, in which Keras writes them, can end the whole kernel; and it leaves half a file.
    """
    size = sum(4 * math.prod(variable.shape) + 4096 for variable in _weights_and_moments(model))  # 4 kB: what HDF5 adds
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(size + 65_536))  # zeros might be compressed


def in_notebook():
    """Return whether pictures can be shown: true in a Jupyter kernel, false in a terminal or a script."""
    shell = get_ipython()
    return shell is not None and shell.has_trait("kernel")
