"""The verifications that docs/webhooks.md shows, run as they stand there, on requests that are signed and that are not.

Python's always; JavaScript's and Go's where the machine has what runs them.
"""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from tests.acceptance.running import ROOT

SECRET = "whsec_c2NyaXB0b3JpdW0tc2NyaXB0b3JpdW0="
OTHER = "whsec_YW5vdGhlci1zZWNyZXQtb2Ytc29tZWJvZHk="
BODY = '{"type":"job.completed","data":{"text":"é 会议"}}'
PAGE = (ROOT / "docs" / "webhooks.md").read_text()
VERIFY = PAGE.partition("\n## Verify\n")[2].partition("\n## ")[0]

PYTHON = """
import json, sys
for headers, body in json.load(sys.stdin):
    print(int(verify(%r, headers, body.encode())))
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
for (const [headers, body] of JSON.parse(readFileSync(0)))
  console.log(Number(verify("%s", headers, Buffer.from(body))));
"""
GO = """package main
import ("bufio"; "crypto/hmac"; "crypto/sha256"; "encoding/base64"; "encoding/json"; "fmt"; "net/http"; "os"; "slices"
        "strconv"; "strings"; "time")
func main() {
	var cases [][2]json.RawMessage
	json.NewDecoder(bufio.NewReader(os.Stdin)).Decode(&cases)
	for _, one := range cases {
		var told map[string]string
		var body string
		json.Unmarshal(one[0], &told)
		json.Unmarshal(one[1], &body)
		header := http.Header{}
		for name, value := range told { header.Set(name, value) }
		if Verify("%s", header, []byte(body)) { fmt.Println(1) } else { fmt.Println(0) }
	}
}
"""

COMMANDS = {"python": [sys.executable], "javascript": ["node"], "go": ["go", "run"]}
HERE = [language for language, command in COMMANDS.items() if shutil.which(command[0])]


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", VERIFY, re.DOTALL)
    return str(found)


def program(language: str, folder: Path) -> Path:
    """What the page shows, and a few lines that ask it."""
    texts = {
        "python": ("verify.py", example("python") + PYTHON % SECRET),
        "javascript": ("verify.mjs", example("javascript") + JAVASCRIPT % SECRET),
        "go": ("verify.go", GO % SECRET + example("go")),
    }
    name, text = texts[language]
    (folder / name).write_text(text)
    return folder / name


def signed(body: str = BODY, secret: str = SECRET, late: float = 0.0) -> dict[str, str]:
    at = datetime.now(tz=UTC) - timedelta(seconds=late)
    signature = Webhook(secret).sign("msg_1", at, body)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def cases() -> list[tuple[bool, dict[str, str]]]:
    mine, theirs = signed()["webhook-signature"], signed(secret=OTHER)["webhook-signature"]
    return [
        (True, signed()),
        (True, signed(late=150)),  # far from the limit: a compiler takes its time
        (True, {**signed(), "webhook-signature": f"{theirs} {mine}"}),  # while a secret is replaced
        (True, {**signed(), "webhook-signature": f"{mine} v1a,c2lnbmVk"}),
        (False, signed(late=450)),
        (False, signed(late=-450)),
        (False, signed(secret=OTHER)),
        (False, signed(body=BODY + " ")),
        (False, {**signed(), "webhook-id": "msg_2"}),
        (False, {**signed(), "webhook-signature": mine.removeprefix("v1,")}),
        (False, {**signed(), "webhook-signature": ""}),
        (False, {**signed(), "webhook-timestamp": "soon"}),
        (False, {**signed(), "webhook-timestamp": "9" * 5000}),
        *((False, {other: value for other, value in signed().items() if other != name}) for name in signed()),
    ]


@pytest.mark.parametrize("language", HERE)
def test_each_verification_takes_what_is_signed_and_nothing_else(language: str, tmp_path: Path) -> None:
    asked = cases()
    done = subprocess.run(
        [*COMMANDS[language], str(program(language, tmp_path))],
        input=json.dumps([(headers, BODY) for _, headers in asked]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert [line == "1" for line in done.stdout.split()] == [right for right, _ in asked], done.stderr


@pytest.mark.parametrize("language", COMMANDS)
def test_each_verification_is_about_ten_lines(language: str) -> None:
    lines = [line for line in example(language).splitlines() if line.strip() and "import" not in line]
    assert len(lines) <= 15
