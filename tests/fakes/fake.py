"""What the fakes of agents' command lines share: they do what their prompt says.

A prompt says it in lines such as ``fake: write src/a.py ; say wrote it ; done``. ``fake 2: …`` is for the second
attempt only. What a fake was started with is kept in the task's artifacts, for a test to look at.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

SECRET = "TOKEN"  # of which nothing is kept
LINE = re.compile(r"^\W*fake(?: (?P<attempt>\d+))?: (?P<actions>.*)$", re.MULTILINE)


class Fake:
    """An agent without a mind. A subclass speaks the language of one of them."""

    def __init__(self, prompt):
        self.prompt = prompt

    # what a subclass says in its own language
    def begin(self):
        raise NotImplementedError

    def say(self, text):
        raise NotImplementedError

    def tool(self, name, **arguments):
        raise NotImplementedError

    def done(self, answer):
        raise NotImplementedError

    def error(self, text):
        raise NotImplementedError

    # what all of them do alike
    def write(self, words):
        name, _, text = words.partition(" ")
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text or 'written by a fake'}\n")
        self.tool("Write", file_path=name)

    def run(self, command):
        self.tool("Bash", command=command)
        subprocess.run(command, shell=True, check=False, stdout=subprocess.DEVNULL)

    def exit(self, code):
        sys.exit(int(code))

    def die(self, _):
        os.kill(os.getpid(), signal.SIGSEGV)

    def hang(self, how):
        if how == "well":  # ends with 0 when it is asked to
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        elif how == "stubbornly":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(os.environ["MODERATOR_ARTIFACTS"], "hanging").touch()
        while True:
            time.sleep(1)

    def leave(self, _):
        """Leave a process behind."""
        child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        Path(os.environ["MODERATOR_ARTIFACTS"], "child").write_text(str(child.pid))

    def ask(self, _):
        """Wait for an answer that nobody gives."""
        self.say(f"got {sys.stdin.read()!r}")

    def raw(self, text):
        print(text, flush=True)

    def half(self, text):
        print(text, end="", flush=True)

    def wide(self, megabytes):
        """Print one line that is far too long."""
        for _ in range(int(megabytes)):
            sys.stdout.write("x" * 1024 * 1024)
        print(flush=True)

    def bytes(self, numbers):
        sys.stdout.flush()
        os.write(1, bytes.fromhex(numbers))

    def essay(self, megabytes):
        """Fail with very many words."""
        self.error("a limit of things " * (int(megabytes) * 1024 * 1024 // 18))

    def deep(self, levels):
        print('{"type": ' + "[" * int(levels) + "]" * int(levels) + "}", flush=True)

    def leak(self, how):
        """Tell a secret in all ways that come to mind, in events and beside them."""
        secret = os.environ.get(SECRET) or stolen()
        forms = [
            secret,
            base64.b64encode(secret.encode()).decode(),
            quote(secret, safe=""),
            json.dumps(secret),
        ]
        forms += [
            "\n".join(secret),
            f"{secret[:9]}\n{secret[9:]}",
            base64.encodebytes(f"me:{secret}".encode()).decode(),
        ]
        for form in forms:
            self.say(f"I have read {form}.")
            self.tool("Bash", command=f"login --token {form}")
            for stream in (sys.stdout, sys.stderr):
                print(f"warning: {form}", file=stream, flush=True)
        for stream in (sys.stdout, sys.stderr):
            print(secret[:11], end="", file=stream, flush=True)
            time.sleep(0.3)
            print(secret[11:], file=stream, flush=True)
        if how:
            getattr(self, how)(f"This is {secret}, also known as {forms[1]} and {forms[2]}.")

    def whine(self, text):
        print(text, file=sys.stderr, flush=True)

    def flood(self, _):
        while True:
            print("x" * 65536, flush=True)

    def chatter(self, _):
        while True:
            self.say("still at it")
            time.sleep(0.005)  # as much as can be read

    def wait_for(self, name):
        while not Path(name).exists():
            time.sleep(0.02)

    def emit(self, event):
        print(json.dumps(event), flush=True)

    def play(self):
        self.begin()
        for action in actions_of(self.prompt):
            name, _, words = action.strip().partition(" ")
            getattr(self, name.replace("-", "_"))(words.strip())


def stolen():
    """Find a secret in the environment of a process that we descend from."""
    pid = os.getppid()
    while pid > 1:
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(f"{SECRET}=".encode()):
                return entry.decode().partition("=")[2]
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return "nothing that is secret"


def actions_of(prompt):
    """Give what a prompt tells a fake to do in this attempt."""
    told = {match["attempt"]: match["actions"] for match in LINE.finditer(prompt)}
    line = told.get(os.environ.get("MODERATOR_ATTEMPT"), told.get(None, "done"))
    return [action for action in line.strip().strip("`").split(" ; ") if action.strip()]


def keep_call(prompt):
    """Keep what this fake was started with."""
    folder = Path(os.environ["MODERATOR_ARTIFACTS"])
    number = len(list(folder.glob("call-*.json"))) + 1
    env = {name: value for name, value in os.environ.items() if name != SECRET}
    call = {"argv": sys.argv, "prompt": prompt, "env": env, "cwd": str(Path.cwd())}
    (folder / f"call-{number}.json").write_text(json.dumps(call))


def main(kind):
    """Read the prompt from standard input, and act."""
    prompt = sys.stdin.read()
    keep_call(prompt)
    kind(prompt).play()
