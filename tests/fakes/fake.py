"""What the fakes of agents' command lines share: they do what their prompt says.

A prompt says it in lines such as ``fake: write src/a.py ; say wrote it ; done``. ``fake 2: …`` is for the second
attempt only. What a fake was started with is kept in the task's artifacts, for a test to look at.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

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

    def whine(self, text):
        print(text, file=sys.stderr, flush=True)

    def flood(self, _):
        while True:
            print("x" * 65536, flush=True)

    def chatter(self, _):
        while True:
            self.say("still at it")

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


def actions_of(prompt):
    """Give what a prompt tells a fake to do in this attempt."""
    told = {match["attempt"]: match["actions"] for match in LINE.finditer(prompt)}
    line = told.get(os.environ.get("MODERATOR_ATTEMPT"), told.get(None, "done"))
    return [action for action in line.strip().strip("`").split(" ; ") if action.strip()]


def keep_call(prompt):
    """Keep what this fake was started with."""
    folder = Path(os.environ["MODERATOR_ARTIFACTS"])
    number = len(list(folder.glob("call-*.json"))) + 1
    call = {"argv": sys.argv, "prompt": prompt, "env": dict(os.environ), "cwd": str(Path.cwd())}
    (folder / f"call-{number}.json").write_text(json.dumps(call))


def main(kind):
    """Read the prompt from standard input, and act."""
    prompt = sys.stdin.read()
    keep_call(prompt)
    kind(prompt).play()
