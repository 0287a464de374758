"""The hub for a class: what its configuration does for a learner, and what a rehearsal says. No hub is needed here."""

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.hub import rehearse

ROOT = Path(__file__).parents[2]


class Settings(SimpleNamespace):
    """Traitlets' `c`, as far as a configuration needs it: every section is there."""

    def __getattr__(self, name):
        setattr(self, name, SimpleNamespace())
        return getattr(self, name)


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    """Return a function that reads the configuration for a class in a folder of its own."""
    def read(password="a long password"):
        monkeypatch.setenv("CLASS_PASSWORD", password)
        monkeypatch.setenv("CLASS_FOLDER", str(tmp_path))
        settings, path = Settings(), str(ROOT / "tools" / "hub" / "jupyterhub_config.py")
        return settings, runpy.run_path(path, {"get_config": lambda: settings, "__file__": path})
    return read


@pytest.fixture
def come(configuration):
    """Return a function that lets a learner come and returns what the spawner was given."""
    def come(name="ada"):
        spawner = SimpleNamespace(user=SimpleNamespace(name=name), environment={})
        configuration()[1]["prepare"](spawner)
        return spawner
    return come


def test_learner_gets_every_notebook_a_folder_for_progress_and_a_numpy_that_leaves_cores_to_others(come, tmp_path):
    spawner, home = come(), tmp_path / "ada"
    found, there = (sorted(path.name for path in Path(folder, "notebooks").glob("*.ipynb")) for folder in (home, ROOT))
    assert found == there and spawner.notebook_dir == str(home)
    assert spawner.environment["COURSE_HOME"] == str(home / "progress")
    assert spawner.environment["OPENBLAS_NUM_THREADS"] == "1"


def test_learner_who_comes_back_finds_the_own_work(come, tmp_path):
    come()
    own = tmp_path / "ada" / "notebooks" / "00_start_here.ipynb"
    own.write_text("my answers")
    come()
    assert own.read_text() == "my answers"


def test_copy_that_was_cut_off_is_made_again(come, tmp_path):
    unfinished = tmp_path / "ada" / "unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "00_start_here.ipynb").write_text("half of it")
    come()
    assert not unfinished.exists()
    assert json.loads((unfinished.parent / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8"))["cells"]


def test_two_learners_share_nothing_that_they_write(come):
    ada, grace = come("ada"), come("grace")
    assert ada.notebook_dir != grace.notebook_dir and ada.environment != grace.environment


@pytest.mark.parametrize("name", ["../ada", "a/b", "", ".hidden", "a" * 33, "Ada", "ada\n"])
def test_names_that_are_no_folders_are_refused(name, configuration):
    with pytest.raises(ValueError, match="cannot be a name here"):
        configuration()[1]["learners_folder"](name)


@pytest.mark.parametrize("password", ["", "short"])
def test_without_a_password_the_hub_does_not_start(password, configuration):
    with pytest.raises(SystemExit, match="CLASS_PASSWORD"):
        configuration(password)


def test_password_of_the_class_opens_servers_in_the_hubs_own_environment(configuration):
    settings, _ = configuration("open sesame")
    assert settings.JupyterHub.authenticator_class == "shared-password"
    assert settings.SharedPasswordAuthenticator.user_password == "open sesame"
    assert settings.Spawner.cmd == [str(Path(sys.prefix, "bin", "jupyterhub-singleuser"))]


class Socket:
    """A kernel that answers what it is told to, between messages that belong to others."""

    def __init__(self, *answers):
        self.answers = answers

    def send(self, text):
        busy, idle = (("status", {"execution_state": state}) for state in ("busy", "idle"))
        self.queue = [json.dumps({"parent_header": {"msg_id": parent}, "msg_type": kind, "content": content})
                      for kind, content in (busy, *self.answers, idle)
                      for parent in ("of somebody else", json.loads(text)["header"]["msg_id"])]

    def recv(self):
        return self.queue.pop(0)


def learner(*answers):
    made = object.__new__(rehearse.Learner)
    made.name, made.socket = "ada", Socket(*answers)
    return made


def test_rehearsal_returns_what_a_cell_printed():
    assert learner(("stream", {"text": "1"}), ("stream", {"text": "2"})).execute("print(12)") == "12"


def test_rehearsal_says_who_failed_where():
    with pytest.raises(RuntimeError, match="ada: ValueError: no\nin\nraise"):
        learner(("error", {"ename": "ValueError", "evalue": "no"})).execute("raise ValueError('no')")


def test_memory_is_read_in_gigabytes():
    assert learner(("stream", {"text": "MEMORY 2097152 1048576 524288\n"})).memory() == [2, 1, 0.5]


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux counts shared pages")
def test_code_for_the_memory_runs(capsys):
    exec(rehearse.MEMORY, {})
    word, largest, share, own = capsys.readouterr().out.split()
    assert word == "MEMORY" and int(largest) > 10_000 and int(share) >= int(own) > 1000
