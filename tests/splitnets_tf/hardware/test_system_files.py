"""Systems: the presets, and one clear line for whatever is wrong in a file."""

import pytest
import yaml

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Link, Processor, System, Topology, load_system, system_from_text, system_presets
from splitnets_tf.hardware import system_to_yaml as to_yaml

GOOD = """
name: mine
topology: {kind: star, path: [cam, hub]}
processors:
  cam: {count: 2, macs_per_s: 1e9, memory_bytes: 1000}
  hub: {macs_per_s: 2.0e+10, memory_bytes: null}
links:
  wire: {between: [cam, hub], bandwidth_bytes_per_s: 5e6, shared_by: 2}
"""


def changed(**changes) -> str:
    data = yaml.safe_load(GOOD)
    for path, value in changes.items():
        *folders, key = path.split("__")
        target = data
        for folder in folders:
            target = target[folder]
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return yaml.safe_dump(data)


def test_presets_are_the_papers_systems():
    hmd, hmd12 = load_system("hmd"), load_system("hmd-12")
    for system, sensors, share in ((hmd, 4, 37.5e6), (hmd12, 12, 12.5e6)):
        assert system.sensor.macs_per_s == 125e9
        assert system.sensor.memory_bytes == 2_000_000
        assert system.sensor.count == sensors
        assert system.aggregator.macs_per_s == 1.25e12
        assert system.aggregator.memory_bytes is None
        assert system.hops[0].share_bytes_per_s == share
    chain = load_system("jmsnas-chain")
    assert [link.bandwidth_bytes_per_s * 8 / 1e6 for link in chain.hops] == [25, 50, 200]
    assert [processor.name for processor in chain.chain] == ["ue", "sbs", "mbs", "cloud"]
    mesh = load_system("jmsnas-mesh")
    assert mesh.topology.path == ("ue", "sbs", ("mbs-3", "mbs-4", "mbs-5"), "cloud")
    assert [processor.name for processor in mesh.chain] == ["ue", "sbs", "mbs-3", "cloud"]
    assert len(mesh.links) == 7


def test_presets_say_where_their_figures_come_from():
    for name in system_presets():
        system = load_system(name)
        assert system.name == name
        for part in (*system.processors, *system.links):
            assert part.source
        if name.startswith("jmsnas"):
            assert all(processor.assumed for processor in system.processors)
        else:
            energy = system.sensor.energy
            assert energy is not None
            assert "2312.14750" in energy.pj_per_mac.source
            assert energy.pj_per_sram_byte.assumed
            assert system.hops[0].pj_per_byte.assumed


@pytest.mark.parametrize("name", system_presets())
def test_round_trip(name):
    system = load_system(name)
    assert system_from_text(to_yaml(system), origin="copy") == system


def test_a_file_is_read_like_a_preset(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    system = load_system(str(path))
    assert system == System(
        name="mine",
        processors=(
            Processor(name="cam", count=2, macs_per_s=1e9, memory_bytes=1000),
            Processor(name="hub", macs_per_s=2e10),
        ),
        links=(Link(name="wire", between=("cam", "hub"), bandwidth_bytes_per_s=5e6, shared_by=2),),
        topology=Topology(kind="star", path=("cam", "hub")),
    )
    assert system.sensor_to_aggregator_ms(2500) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"links__wire__bandwidth_bytes_per_s": -5}, "wire.bandwidth_bytes_per_s must be a number above 0, not -5"),
        ({"links__wire__bandwidth_bytes_per_s": "fast"}, "wire.bandwidth_bytes_per_s must be a number, not 'fast'"),
        ({"links__wire__bandwidth_bytes_per_s": float("nan")}, "must be a number, not nan"),
        ({"links__wire__bandwidth_bytes_per_s": True}, "must be a number, not True"),
        ({"links__wire__bandwith_bytes_per_s": 5}, "unknown key 'links.wire.bandwith_bytes_per_s'; did you mean"),
        ({"links__wire__shared_by": 0}, "links.wire.shared_by must be a whole number of at least 1, not 0"),
        ({"links__wire__shared_by": 1.5}, "links.wire.shared_by must be a whole number of at least 1, not 1.5"),
        ({"links__wire__between": ["cam", "hub", "x"]}, "links.wire.between must be two processors' names"),
        ({"links__wire__between": ["cam", "moon"]}, "links.wire.between must be names from processors, not 'moon'"),
        ({"links__wire__pj_per_byte": 3}, "links.wire.pj_per_byte must be a mapping"),
        ({"links__wire__pj_per_byte": {"value": 3}}, "key 'links.wire.pj_per_byte.source' is missing"),
        ({"links__wire__pj_per_byte": {"value": -3, "source": "x"}}, "must be a number of at least 0, not -3"),
        ({"links": {}}, "links must be a link with between: [cam, hub], which topology.path needs"),
        ({"links__other": {"between": ["cam", "hub"], "bandwidth_bytes_per_s": 1}}, "one link from one processor"),
        ({"processors__cam__memory_bytes": ...}, "key 'processors.cam.memory_bytes' is missing"),
        ({"processors__cam__memory_bytes": -1}, "processors.cam.memory_bytes must be a whole number of at least 1"),
        ({"processors__cam__macs_per_s": 0}, "processors.cam.macs_per_s must be a number above 0"),
        ({"processors__cam__assumed": "yes"}, "processors.cam.assumed must be true or false, not 'yes'"),
        ({"processors": {}}, "processors must be a mapping with at least one entry"),
        ({"processors": [1]}, "processors must be a mapping of keys to values"),
        ({"name": 7}, "name must be text, not 7"),
        ({"topology__kind": "ring"}, "topology.kind must be one of star, chain, mesh, not 'ring'"),
        ({"topology__path": ["cam"]}, "topology.path must be at least two processors"),
        ({"topology__path": "cam"}, "topology.path must be a list, not 'cam'"),
        ({"topology__path": ["cam", 3]}, "topology.path[1] must be a processor's name or a list of names, not 3"),
        ({"topology__path": ["cam", ["hub"]]}, "one group of parallel processors inside for a mesh, none otherwise"),
        ({"topology__path": ["cam", "cam"]}, "topology.path must be each processor once"),
        ({"topology__kind": "mesh"}, "one group of parallel processors inside for a mesh"),
        ({"speed": 3}, "unknown key 'speed'; allowed keys"),
    ],
)
def test_each_mistake_is_named(changes, message):
    with pytest.raises(UserError) as error:
        system_from_text(changed(**changes), origin="mine.yaml")
    text = str(error.value)
    assert text.startswith("mine.yaml: ")
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "is not valid YAML"),
        ("- 1", "the file must be a mapping"),
        ("", "the file must be a mapping"),
        (GOOD + "name: twice\n", "key 'name' is given twice"),
        (GOOD.replace("shared_by: 2", "shared_by: 2, shared_by: 3"), "key 'shared_by' is given twice"),
        ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
    ],
)
def test_foreign_text_is_refused(text, message):
    with pytest.raises(UserError) as error:
        system_from_text(text, origin="mine.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_name_lists_the_presets(tmp_path):
    with pytest.raises(UserError, match=r"did you mean 'hmd-demo'\? presets: hmd, hmd-12"):
        load_system("hmd-dem")
    binary = tmp_path / "x.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as text"):
        load_system(str(binary))
