"""Whatever a file holds, the command answers with JSON of its schema and never with a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

import jsonschema
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_moderator.cli import main

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "plan.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# Each line is a piece; \n stands for the end of a line.
PIECES = """\
---\\n
moderator:\\n
moderator: {order: explicit}\\n
moderator: 3\\n
  timeout: 1\\n
  timout: 1\\n
a: *b\\n
## Phase 1: Setup\\n
\\n## Phase 2: User Story 1\\n\\n
### T001: Heading\\n
**Dependencies**: T002\\n
- [ ] T001 A\\n
- [x] T002 [P] B (depends on T001)\\n
- [ ] T003 C (depends on T004)\\n
- [ ] T004 D (depends on T003, T009)\\n
- [ ] 1. One\\n
  - [ ] 1.1 Part\\n
  - run: `true`\\n
  - backend: shel\\n
  - isolation: full\\n
  - timeout: never\\n
  ```sh\\n  true\\n  ```\\n
```\\n
<!--
-->
|
\\n
\r
\t
\0
\ufeff"""
pieces = st.sampled_from([piece.replace("\\n", "\n") for piece in PIECES.split("\n")])
contents = (
    st.lists(pieces, max_size=15).map(lambda parts: "".join(parts).encode())
    | st.binary(max_size=100)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
)


@settings(deadline=None)
@given(content=contents, order=st.sampled_from(["phases", "stories", "explicit"]))
@example(content=b"", order="phases")
def test_any_file_gives_a_plan(content: bytes, order: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "tasks.md")
        path.write_bytes(content)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["plan", str(path), "--format", "json", "--order", order])
            for name in ("text", "mermaid", "dot"):
                assert main(["plan", str(path), "--format", name, "--order", order]) == code
    data, _ = json.JSONDecoder().raw_decode(out.getvalue())
    VALIDATOR.validate(data)
    assert code == any(problem["severity"] == "error" for problem in data["problems"])
    assert data["tasks"] or code == 1
