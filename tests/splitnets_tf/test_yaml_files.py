import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.yaml_files import preset_names, read_preset_or_file, read_yaml_file, yaml_data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("a: 1\na: 2\n", "key 'a' is given twice, in line 2 again"),
        ("a: {b: [{c: 1, c: 2}]}", "key 'c' is given twice"),
        ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
        ("[" * 5000, "is nested too deeply"),
        ("name: 2026-13-01", "not the date, number or character that its form says (month must be in 1..12)"),
        ("a: 0x_", "that its form says"),
        ("a: " + "9" * 5000, "that its form says"),
        ("a: " + "1:" * 300 + "0.5", "that its form says"),
        ("a: !!timestamp soon", "that its form says"),
        ("a: !!bool perhaps", "that its form says"),
        (r'a: "\UFFFFFFFF"', "that its form says"),
    ],
)
def test_foreign_text_ends_in_one_line(text, message):
    with pytest.raises(UserError) as error:
        yaml_data(text, origin="mine.yaml")
    assert str(error.value).startswith("mine.yaml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "unicode string" not in str(error.value)


def test_aliases_that_double_at_each_line_are_read_at_once():
    lines = ["x0: &x0 [1, 1]"] + [f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}]" for i in range(1, 60)]
    data = yaml_data("\n".join(lines), origin="laughs.yaml")
    assert data["x59"][0] is data["x59"][1]


def test_a_list_that_contains_itself_is_read_at_once():
    data = yaml_data("a: &a [*a]", origin="ring.yaml")
    assert data["a"][0] is data["a"]


def test_a_file_is_named_by_its_origin(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"odd\.yaml: cannot be read as text"):
        read_yaml_file(path)
    with pytest.raises(UserError, match=r"^--config: cannot be read as text"):
        read_yaml_file(path, origin="--config")
    with pytest.raises(UserError, match="cannot be read as text"):
        read_yaml_file(tmp_path)


def test_a_preset_by_its_name_a_file_by_its_path(tmp_path):
    (tmp_path / "small.yaml").write_text("size: 1")
    (tmp_path / "large.yaml").write_text("size: 2")
    (tmp_path / "notes.txt").write_text("no preset")
    names = preset_names(tmp_path)
    assert names == ("large", "small")
    read = {"kind": "size", "folder": tmp_path, "presets": names}
    assert read_preset_or_file("small", **read) == ({"size": 1}, "preset small")
    own = tmp_path / "own.yaml"
    own.write_text("size: 3")
    assert read_preset_or_file(str(own), **read) == ({"size": 3}, str(own))
    with pytest.raises(UserError, match=r"size 'smal' is neither.*did you mean 'small'\? presets: large, small"):
        read_preset_or_file("smal", **read)
