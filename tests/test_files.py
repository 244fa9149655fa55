from pathlib import Path

import pytest

from pixelwise.errors import UserError
from pixelwise.files import replacing


def test_a_file_is_replaced_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "score.json"
    for text in ("old", "new"):
        with replacing(target) as temporary:
            temporary.write_text(text)
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def write_half(path: Path, failure: BaseException) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise failure


def test_a_failure_half_way_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "score.json"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half(target, KeyboardInterrupt())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_one_line_for_the_user_and_the_old_file_survives(tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    target.write_text("good model")
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        write_half(target, OSError(28, "No space left on device"))
    assert target.read_text() == "good model"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_be_made_is_one_line_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="choose another place"), replacing(tmp_path / "runs" / "a.json"):
        pass
