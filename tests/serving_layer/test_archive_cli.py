"""The commands `archive` and `features peers`: what people and machines get of them."""

import json
from pathlib import Path

import pytest

from data.errors import InvalidRecordError, NotFoundError
from data.times import DAY, show
from tests.serving_layer.pages import Page
from tests.serving_layer.service import Run, World


def firm_of(world: World) -> str:
    firm: str = world.pending[0]["payload"]["enterprise"]
    return firm


def test_peers_are_built_and_stand_in_the_archive(run: Run, world: World) -> None:
    firm = firm_of(world)
    before = json.loads(run("archive", firm, "--json").stdout)
    assert before["no_peers"]["code"] == "no_table"
    built = json.loads(run("features", "peers", "--json").stdout)
    assert built["firms"] > 80
    assert 0 < built["groups"] <= built["firms"]
    assert "are left out" in run("features", "peers").stdout
    after = json.loads(run("archive", firm, "--json").stdout)
    assert after["peers"]["as_of"] == built["as_of"]
    assert after["peers"]["firms"] <= built["firms"]


def test_an_archive_reads_the_same_as_text_json_and_page(run: Run, world: World, tmp_path: Path) -> None:
    firm, file = firm_of(world), tmp_path / "pages" / "a.html"
    body = json.loads(run("archive", firm, "--json", "--evidence", "2").stdout)
    for lang in ("zh", "en"):
        text = run("archive", firm, "--lang", lang).stdout
        assert body["digest"] in text
        assert body["identity"]["name"] in text
        assert body["themes"][0]["facts"][0][lang] in text
        assert f"wrote {file}" in run("archive", firm, "--html", str(file), "--lang", lang).stdout.replace("\n", "")
        page = Page(file.read_text(encoding="utf-8"))
        assert page.language == {"zh": "zh-CN", "en": "en"}[lang]
        assert body["digest"] in page.text


def test_an_archive_of_the_past_by_command(run: Run, world: World) -> None:
    firm, then = firm_of(world), show(world.end - 30 * DAY)
    body = json.loads(run("archive", firm, "--as-of", then, "--json").stdout)
    assert body["as_of"] == then
    assert json.loads(run("archive", firm, "--as-of", then[:10], "--json").stdout)["as_of"] > then


def test_what_cannot_be_shown_is_one_of_our_errors(run: Run, world: World) -> None:
    with pytest.raises(NotFoundError, match="check the code"):
        run("archive", "91350100M000100Y43")
    for arguments in (
        (firm_of(world), "--as-of", "yesterday"),
        (firm_of(world)[:-1] + "?",),
        (firm_of(world)[:-1] + "I",),
    ):
        with pytest.raises((InvalidRecordError, NotFoundError)):
            run("archive", *arguments)
