"""The audit trail of a server that runs: its operator verifies it, and its administrator reads it."""

import re

import httpx2

from tests.acceptance.running import Up, run, until


def test_a_call_is_chained_by_itself_and_verified(server: Up) -> None:
    key = server.data.key_file.read_text().strip()
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"}, timeout=20) as client:
        asked = client.get("/v1/jobs", params={"limit": 7}, headers={"X-Request-Id": "the-one"})
        assert asked.status_code == 200
        found: list[dict[str, object]] = []

        def chained() -> bool:
            page = client.get("/v1/audit", params={"limit": 1000}).json()
            found[:] = [one for one in page["entries"] if one["request_id"] == "the-one"]
            return bool(found)

        until(chained, 60, "the sweep did not chain the call")
    assert (found[0]["route"], found[0]["parameters"]) == ("/v1/jobs", {"limit": "7"})
    done = run("audit", "verify", "--data", str(server.folder))
    assert done.returncode == 0, done.stderr
    head = re.findall(r"^head (\d+:[0-9a-f]{64})$", done.stdout, re.MULTILINE)[0]
    again = run("audit", "verify", "--data", str(server.folder), "--expect-head", head)
    assert again.returncode == 0, again.stderr
    false = run(
        "audit", "verify", "--data", str(server.folder), "--expect-head", f"{head.partition(':')[0]}:{64 * '0'}"
    )
    assert (false.returncode, "is not the head that was expected" in false.stderr) == (1, True), false.stderr
    assert run("audit", "verify", "--expect-head", "x", "--data", str(server.folder)).returncode == 2
