"""The command that renders ahead of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic_modelnet import write_synthetic_modelnet

from pipelines.cli import run_command
from pipelines.render_meshes import main
from splitnets_tf.data import contact_sheet, open_source
from splitnets_tf.errors import UserError


def test_the_contact_sheet_shows_every_class_from_all_sides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_synthetic_modelnet(tmp_path / "m", classes=3)
    arguments = ["--dataset", "modelnet40", "--data-dir", str(root), "--image-size", "64"]
    sheet = tmp_path / "out" / "views.png"
    assert run_command(main, [*arguments, "--contact-sheet", str(sheet)]) == 0
    said = capsys.readouterr().out
    assert "3 classes, 12 views an object; objects: 6 train, 3 validation, 3 test" in said
    pixels = np.asarray(Image.open(sheet))
    assert pixels.shape == (3 * 66, 150 + 12 * 66, 3)
    source = open_source(dataset="modelnet40", data_dir=root)
    views = source.view_arrays("train").images
    # Of two objects the second is shown.
    np.testing.assert_array_equal(pixels[66 : 66 + 64, 150 + 5 * 66 : 150 + 5 * 66 + 64], views[3, 5])
    for row in range(3):
        assert len(np.unique(pixels[66 * row : 66 * row + 64, :150])) > 2
    assert contact_sheet(source, rows=2).shape[0] == 2 * 66


def test_wrong_input_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(main, ["--data-dir", str(tmp_path / "nowhere")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "doesn't exist" in said
    with pytest.raises(SystemExit):
        main(["--dataset", "imagenet2012"])


def test_single_images_have_no_contact_sheet(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            pixels = np.full((8, 8, 3), 20 * number + ord(name), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    with pytest.raises(UserError, match="one image for each object"):
        contact_sheet(open_source(data_dir=tmp_path, image_size=8))
