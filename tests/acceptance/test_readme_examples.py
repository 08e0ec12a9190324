"""The README's examples in Python, run as they stand there."""

import re
import subprocess
import sys

import pytest

from tests.acceptance.running import ROOT, Up, environment

SECTION = (ROOT / "README.md").read_text().partition("### From Python\n")[2].partition("\n## ")[0]
EXAMPLES = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("example", EXAMPLES, ids=["requests", "client"])
def test_an_example_prints_the_transcript(server: Up, example: str) -> None:
    key = server.data.key_file.read_text().strip()
    text = example.replace("http://127.0.0.1:8080", server.url)
    assert server.url in text
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, env=environment(KEY=key), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "hello everyone" in done.stdout.lower()
