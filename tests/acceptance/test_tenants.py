"""What a tenant may use, set by the command line at a server that runs."""

from scriptorium import Client
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import Up, run


def _tenants(server: Up, *arguments: str, code: int = 0) -> str:
    done = run("tenants", *arguments, "--data", str(server.folder))
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def test_a_limit_is_set_and_holds(server: Up) -> None:
    secret = run("keys", "create", "x", "--tenant", "studio", "--data", str(server.folder)).stdout.strip()
    told = _tenants(server, "set", "studio", "--concurrent-jobs", "1", "--rate", "500", "--weight", "2")
    assert "concurrent_jobs 1" in told
    assert "monthly_minutes default" in told
    assert "requests_per_minute 500" in next(line for line in told.splitlines() if "studio" in line)
    assert "500" in next(line for line in _tenants(server, "list").splitlines() if "studio" in line)
    with server.client() as own, Client(own.url, secret) as client:
        made = [client.submit(MEETING, cache=False)["id"] for _ in range(2)]
        # The second begins when the first has ended, and both are heard.
        jobs = [client.wait(one) for one in made]
        assert [job["status"] for job in jobs] == ["completed"] * 2
        assert jobs[0]["finished_at"] <= jobs[1]["started_at"]


def test_wrong_use_names_the_remedy(server: Up) -> None:
    assert "--weight" in _tenants(server, "set", "default", code=2)
    assert "0 for no limit" in _tenants(server, "set", "default", "--rate", "many", code=2)
    assert "tenants list" in _tenants(server, "set", "nobody", "--rate", "1", code=2)
