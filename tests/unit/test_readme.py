"""What README.md lists must be what there is."""

import re
from pathlib import Path

import pytest

from core.formats import FORMATS
from core.models import KNOWN
from core.options import Options
from core.settings import Settings

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_setting_is_listed_and_no_other() -> None:
    urls = {"database_url", "redis_url"}
    expected = {name.upper() if name in urls else f"SCRIPTORIUM_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", section("Settings"))) == expected


@pytest.mark.parametrize(
    "name",
    ["max_upload_bytes", "max_json_audio_bytes", "max_duration", "min_free_bytes", "web_threads", "vad", "model"],
)
def test_defaults_are_what_the_table_says(name: str) -> None:
    said = re.search(rf"`SCRIPTORIUM_{name.upper()}`[^|]*\| `([^`]+)`", section("Settings"))
    default = Settings.model_fields[name].default
    assert said
    assert said[1] == (default if isinstance(default, str) else f"{default:.0f}")


def test_every_option_is_listed() -> None:
    assert [name for name in Options.model_fields if f"`{name}`" not in section("HTTP")] == []


def test_every_format_is_listed() -> None:
    assert [name for name in FORMATS if f"`{name}`" not in section("HTTP")] == []


def test_every_model_is_listed() -> None:
    named = set(re.findall(r"`([^`]+)`", section("Models")))
    english = {f"{name}.en" for name in named} if ".en" in named else set()
    assert [name for name in KNOWN if name not in named | english] == []
