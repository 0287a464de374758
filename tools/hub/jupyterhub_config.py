"""JupyterHub for one class on one Linux server: everybody gets a copy of the notebooks, and shares all the rest.

    pip install -c constraints.txt -e . 'jupyterhub>=5.3' jupyterhub-idle-culler     (in one environment)
    npm install -g configurable-http-proxy     (JupyterHub's gate; needs Node.js)
    CLASS_PASSWORD=... CLASS_FOLDER=/srv/class jupyterhub --config tools/hub/jupyterhub_config.py

Learners open http://SERVER:8000, choose a name, and type the password. TEACHING.md says how large the server must be.
"""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("CLASS_FOLDER", "/srv/class")).absolute()  # one folder in it for each learner
PASSWORD = os.environ.get("CLASS_PASSWORD", "")
PORT = int(os.environ.get("CLASS_PORT", "8000"))

if len(PASSWORD) < 8:
    sys.exit("Set CLASS_PASSWORD to at least eight characters: whoever knows it can run programs on this server.")


def learners_folder(name):
    """Return the folder of a learner. Names with other characters than letters, digits, - and _ are refused."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
        raise ValueError(f"{name!r} cannot be a name here: use up to 32 letters, digits, - and _.")
    return FOLDER / name


def prepare(spawner):
    """Give a learner who comes for the first time a copy of the notebooks; never touch one that is there."""
    home = learners_folder(spawner.user.name)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (home / "notebooks").exists():
        shutil.copytree(COURSE / "notebooks", home / "unfinished", dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        (home / "unfinished").rename(home / "notebooks")  # all of it or nothing
    spawner.notebook_dir = str(home)
    spawner.environment["COURSE_HOME"] = str(home / "progress")  # passed exercises, trainings that were cut off
    spawner.environment["OPENBLAS_NUM_THREADS"] = "1"  # else each kernel's NumPy waits for cores that others use


c = get_config()  # noqa: F821 (JupyterHub brings it)

c.JupyterHub.bind_url = f"http://:{PORT}"
c.JupyterHub.db_url = f"sqlite:///{FOLDER / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(FOLDER / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(FOLDER / "proxy.pid")
FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)

# One password for the class. With accounts of your own, put another authenticator here.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = PASSWORD
c.Authenticator.allow_all = True
c.Authenticator.username_pattern = r"[a-z0-9][a-z0-9_-]{0,31}"

c.Spawner.pre_spawn_hook = prepare
c.Spawner.cmd = [str(Path(sys.prefix, "bin", "jupyterhub-singleuser"))]
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.Spawner.start_timeout = 120  # thirty people press the button in the same minute
c.Spawner.http_timeout = 120
c.JupyterHub.concurrent_spawn_limit = 5

# Kernels that nobody uses give their memory back: after 20 minutes a kernel, after an hour a server.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=1200",
    "--MappingKernelManager.cull_interval=120",
    "--MappingKernelManager.cull_connected=True",
    *(["--allow-root"] if os.geteuid() == 0 else []),
]
if importlib.util.find_spec("jupyterhub_idle_culler"):
    c.JupyterHub.load_roles = [{
        "name": "culler", "services": ["culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"]}]
    c.JupyterHub.services = [{
        "name": "culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]}]

# All learners run as the user who started the hub, side by side and unlimited: right for a class that trusts itself, on
# a server of its own and in a closed network. Other spawners (systemdspawner, DockerSpawner) can set limits.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(FOLDER / "{username}")
