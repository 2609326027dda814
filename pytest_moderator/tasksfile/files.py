"""The files that a task names."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.inline import inline_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EXTENSIONS = (
    "astro|avsc|bash|bat|bicep|c|cc|cfg|clj|cmake|conf|cpp|cs|csproj|css|csv|cts|cue|dart|db|dockerfile|el|ejs|env|erl|"
    "ex|exs|feature|fs|fsproj|gd|gql|go|gradle|graphql|groovy|h|hbs|hcl|hpp|hs|html|ini|ipynb|java|jinja|jinja2|jl|"
    "js|json|json5|jsonc|jsx|jsonl|kt|kts|less|lock|lua|m|md|mdc|mdx|mjs|cjs|ml|mm|mts|nix|nim|php|pl|plist|png|po|"
    "prisma|properties|proto|ps1|pug|py|pyi|pyx|r|rb|rego|rs|rst|sass|scala|scss|sh|sln|snap|sol|sql|sqlite|svelte|"
    "svg|swift|tex|tf|tfvars|toml|ts|tsv|tsx|txt|vue|wgsl|xaml|xcconfig|xml|yaml|yml|zig|zsh"
)
_KNOWN_NAME = re.compile(
    r"(?:Makefile|Dockerfile|Containerfile|Justfile|Jenkinsfile|Procfile|Gemfile|Rakefile|Vagrantfile|LICENSE|"
    rf"CODEOWNERS|\.[a-z][\w.-]*(?:ignore|rc|env|config)|\.env(?:\.\w+)?|[\w.@-]+\.(?:{_EXTENSIONS}))"
)
_PATH = re.compile(r"(?:[^\s/<>|\"'`:;,()=]+/)+[^\s/<>|\"'`:;,()=]*")
_ENDING = re.compile(r".*\.[A-Za-z]\w{0,9}")
# In plain text only what has a slash and an ending, or an ending that leaves no doubt.
# Directories and files of routes are named after what varies: "app/(shop)/[id]/page.tsx".
_ROUTE = r"(?<=/)[\[(]{1,2}[\w.-]{1,60}[\])]{1,2}"
# ".gitignore", "api/.env.example"
_DOT_NAME = r"(?<![*\w])\.(?:[a-z][\w-]{1,30}(?:ignore|rc)|env)(?:\.[a-z]\w{0,9}){0,2}"
_BARE = re.compile(
    rf"(?<![\w/.:@`\\-])(?:\.{{1,2}}/)?(?:(?:[\w.@+-]{{1,100}}|{_ROUTE})/){{0,30}}"
    rf"(?:(?:[\w@+-]|{_ROUTE})[\w.@+-]{{0,99}}\.[A-Za-z]\w{{0,9}}|{_DOT_NAME})(?![\w/])"
)
# Scripts without spaces: their words stand right beside a path, as in "在src/app.tsに".
_SPACELESS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORDS_BEFORE = re.compile(rf"[^/]*[{_SPACELESS}](?=[A-Za-z_@]|\.\w+/)")
_WORDS_BEHIND = re.compile(rf"(?<=\.)([A-Za-z][A-Za-z0-9]{{0,9}})(?=[{_SPACELESS}])")
# Products that are called as if they were files.
_PRODUCT = re.compile(
    r"(?i:next|node|nuxt|vue|nest|xterm|sql)\.js|(?:process|import\.meta)\.env"
    r"|(?:React|Angular|Three|Inertia|Discord|Express|Chart|D3|Day|Moment|Alpine|Ember|Backbone|Electron|Fabric"
    r"|Handlebars|Knockout|Leaflet|NextAuth|Auth|Y|PDF|Babylon|Pixi|Matter|Phaser|Plotly|Socket|Solid|Svelte|Video"
    r"|Web3|Ethers)\.js"
)
_LINE_NUMBER = re.compile(r":\d+(?:[-:]\d+)?$")
_MAX_PATH = 500


def named_files(texts: Iterable[str]) -> tuple[str, ...]:
    """Give the paths that texts name, relative and with ``/``, in order of mention."""
    return tuple(dict.fromkeys(path for text in texts for path in _paths(text)))


def normalise(path: str) -> str | None:
    """Give a path as it is compared; ``None`` for what leads out of the project or is no path."""
    if not path or len(path) > _MAX_PATH or "://" in path or path.startswith(("/", "~", "-", "@", "$")):
        return None
    path = _LINE_NUMBER.sub("", path.replace("\\", "/"))
    if re.match(r"[A-Za-z]:", path):
        return None
    cleaned = posixpath.normpath(path)
    return None if cleaned in (".", "..") or cleaned.startswith("../") else cleaned


def _paths(text: str) -> Iterator[str]:
    position = 0
    for code in inline_code(text):
        yield from _bare_paths(text[position : code.start])
        position = code.end
        path = code.text.strip()
        if _is_path(path) and (cleaned := normalise(path)):
            yield cleaned
    yield from _bare_paths(text[position:])


def _is_path(text: str) -> bool:
    """Whether inline code is a path, and not a call, a route or a flag."""
    if len(text) > _MAX_PATH or _PRODUCT.fullmatch(text):
        return False
    text = _LINE_NUMBER.sub("", text.replace("\\", "/"))
    if _KNOWN_NAME.fullmatch(text):
        return True
    if not _PATH.fullmatch(text):
        return False
    return text.endswith("/") or bool(
        _ENDING.fullmatch(text.rpartition("/")[2]) or _KNOWN_NAME.fullmatch(text.rpartition("/")[2])
    )


def _bare_paths(text: str) -> Iterator[str]:
    if "." not in text:
        return
    is_ascii = text.isascii()
    if not is_ascii:
        text = _WORDS_BEHIND.sub(r"\1 ", text)
    for match in _BARE.finditer(text):
        path = match[0] if is_ascii else _WORDS_BEFORE.sub("", match[0])
        if ("/" in path or _KNOWN_NAME.fullmatch(path)) and not _PRODUCT.fullmatch(path):
            cleaned = normalise(path)
            if cleaned:
                yield cleaned
