"""Rehearse a class on a JupyterHub: learners who are not there log in and run a lesson, all at the same time.

    CLASS_PASSWORD=... python tools/hub/rehearse.py http://localhost:8000 4 06

Four learners run lesson 6 from top to bottom. Printed for each: seconds, the largest memory of the kernel, and its
share now (pages that kernels have in common are divided among them, so that the shares of all add up).
"""

import concurrent.futures
import json
import os
import re
import sys
import time
import uuid

import requests
import websocket

NAME = "rehearsal-{}"
MEMORY = """
import resource as _resource
_lines = dict(_line.split(":") for _line in open("/proc/self/smaps_rollup").read().splitlines()[1:])
print("MEMORY", _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss, *(_lines[_kind].split()[0] for _kind in
      ("Pss", "Private_Dirty")))
"""


class Learner:
    """Somebody who logs in with a browser, as far as the hub can tell."""

    def __init__(self, hub, name, password):
        self.hub, self.name = hub.rstrip("/"), name
        self.browser = requests.Session()
        page = self.browser.get(f"{self.hub}/hub/login", timeout=60)
        page.raise_for_status()
        form = {"username": name, "password": password, "_xsrf": self.browser.cookies.get("_xsrf", path="/hub/")}
        page = self.browser.post(f"{self.hub}/hub/login", data=form, timeout=180)
        if "/hub/login" in page.url or page.status_code >= 400:
            raise PermissionError(f"{name} could not log in ({page.status_code}): is CLASS_PASSWORD right?")
        token = self.ask("post", f"/hub/api/users/{name}/tokens", json={"expires_in": 7200, "note": "rehearsal"})
        self.token = {"Authorization": f"token {token['token']}"}

    def ask(self, method, path, **options):
        """Return the answer of the hub or of the learner's server, from JSON."""
        headers = getattr(self, "token", None) or {"X-XSRFToken": self.browser.cookies.get("_xsrf", path="/hub/"),
                                                   "Referer": f"{self.hub}/hub/token"}
        asker = requests if hasattr(self, "token") else self.browser
        answer = asker.request(method, self.hub + path, headers=headers, timeout=180, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def start_server(self, patience=180):
        """Start the learner's own server, if it is not there, and return the seconds that it took."""
        began = time.monotonic()
        if not self.ask("get", f"/hub/api/users/{self.name}").get("servers"):
            self.ask("post", f"/hub/api/users/{self.name}/server")
        while not self.ask("get", f"/hub/api/users/{self.name}")["servers"].get("", {}).get("ready"):
            if time.monotonic() > began + patience:
                raise TimeoutError(f"the server of {self.name} is not ready after {patience} s")
            time.sleep(1)
        return time.monotonic() - began

    def run(self, lesson):
        """Run the notebook of a lesson in a kernel of the learner's server, and return what became of it."""
        home = f"/user/{self.name}/api"
        files = [file["path"] for file in self.ask("get", f"{home}/contents/notebooks")["content"]]
        (path,) = [path for path in files if re.search(rf"/{lesson}_.*\.ipynb$", path)]
        cells = self.ask("get", f"{home}/contents/{path}")["content"]["cells"]
        session = self.ask("post", f"{home}/sessions", json={
            "path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}})
        self.socket = websocket.create_connection(
            f"{self.hub.replace('http', 'ws', 1)}{home}/kernels/{session['kernel']['id']}/channels",
            header=[f"Authorization: {self.token['Authorization']}"], timeout=900)
        began = time.monotonic()
        for cell in cells:
            if cell["cell_type"] == "code":
                self.execute("".join(cell["source"]))
        return path, time.monotonic() - began

    def memory(self):
        """Return the kernel's largest resident memory and its present proportional and private ones, in GB."""
        said = re.search(r"MEMORY (\d+) (\d+) (\d+)", self.execute(MEMORY))
        return [int(kilobytes) / 2**20 for kilobytes in said.groups()]

    def execute(self, code):
        """Run code in the kernel and return what it printed.

        Raises:
            RuntimeError: if the code raises.
        """
        identifier = uuid.uuid4().hex
        self.socket.send(json.dumps({
            "header": {"msg_id": identifier, "msg_type": "execute_request", "username": self.name,
                       "session": identifier, "version": "5.3"},
            "parent_header": {}, "metadata": {}, "channel": "shell",
            "content": {"code": code, "silent": False, "store_history": True, "allow_stdin": False}}))
        printed = []
        while True:
            received = self.socket.recv()
            if isinstance(received, bytes):  # the picture of a widget
                continue
            message = json.loads(received)
            if message["parent_header"].get("msg_id") != identifier:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] == "error":
                raise RuntimeError(f"{self.name}: {content['ename']}: {content['evalue']}\nin\n{code}")
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return "".join(printed)

    def leave(self):
        """Stop the learner's server."""
        self.ask("delete", f"/hub/api/users/{self.name}/server")


def main(hub, count, lesson):
    """Let `count` learners run a lesson at the same time, and print a line for each and one for all."""
    password = os.environ["CLASS_PASSWORD"]
    learners = [Learner(hub, NAME.format(number + 1), password) for number in range(int(count))]
    with concurrent.futures.ThreadPoolExecutor(len(learners)) as pool:
        waits = list(pool.map(Learner.start_server, learners))
        print(f"{count} servers are ready, the last after {max(waits):.0f} s", flush=True)
        runs = list(pool.map(lambda learner: learner.run(lesson), learners))
        memories = [learner.memory() for learner in learners]  # while all of them still have their kernels
    for learner, (path, seconds), (largest, share, own) in zip(learners, runs, memories, strict=True):
        print(f"{learner.name}: {path} in {seconds:.0f} s; kernel at most {largest:.2f} GB, share now {share:.2f} GB, "
              f"of its own {own:.2f} GB")
    print(f"all kernels now: {sum(share for _, share, _ in memories):.2f} GB")
    for learner in learners:
        learner.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
