"""`data.runs`: whose a folder is, and files that are whole or not there."""

import json
import multiprocessing
import os
import signal

import pytest

from data.runs import claim, replaced


def test_a_folder_keeps_its_facts(tmp_path):
    run = tmp_path / "deep" / "run"
    claim(run, {"seed": 0, "sizes": (1, 2)})
    claim(run, {"seed": 0, "sizes": [1, 2]})
    assert json.loads((run / "recipe.json").read_text()) == {"seed": 0, "sizes": [1, 2]}
    assert os.listdir(run) == ["recipe.json"]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"seed": 1, "rate": 0.5}, r"another seed: choose another folder .* \(seed 0 there, 1 here\)"),
        ({"seed": 0}, r"another rate: .* \(rate 0.5 there, is not here\)"),
        ({"seed": 0, "rate": 0.5, "new": None}, r"another new: .* \(new is not there, null here\)"),
        ({"seed": 1, "rate": "long" * 99}, r"another seed, rate: .* anew \(seed 0 there, 1 here\)$"),
    ],
)
def test_other_facts_are_refused_and_shown_if_short(tmp_path, facts, message):
    claim(tmp_path, {"seed": 0, "rate": 0.5})
    with pytest.raises(ValueError, match=message):
        claim(tmp_path, facts)
    claim(tmp_path, {"seed": 0, "rate": 0.5})


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "3"])
def test_a_damaged_recipe_says_what_to_do(tmp_path, text):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ValueError, match=r"recipe\.json cannot be read .* to start anew"):
        claim(tmp_path, {"seed": 0})
    with pytest.raises(ValueError, match="is a file; a folder is wanted"):
        claim(tmp_path / "recipe.json", {"seed": 0})


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replaced(path) as part:  # noqa: PT012
        part.write_text("ha")
        assert path.read_text() == "old" and part.suffix == ".txt"
        raise KeyboardInterrupt
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def _killed(path):
    with replaced(path) as part:
        part.write_text("ha")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_a_kill_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    process = os.fork()
    if not process:
        _killed(path)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    assert path.read_text() == "old"
    with replaced(path) as part:
        part.write_text("new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]
