"""Aggregator and sensors on loopback: equal to offline, foreign halves refused, missing views filled and named."""

import argparse
import json
import threading
import time

import grpc
import numpy as np
import pytest
from flatbuffer_surgery import rewrite
from tiny_halves import camera_images, write_halves, write_scalar

from splitnets_tf.errors import UserError
from tflite_export import Int8Model, bytes_to_int8, run_split
from tflite_export.demo import _images as demo_images
from tflite_export.demo import main as demo
from tflite_export.halves import Aggregator, fingerprint, open_pair
from tflite_export.sense import main as sense
from tflite_export.serve import main as serve
from tflite_export.split_hub import ServerSettings
from tflite_export.split_sensor import SensorSettings, SplitSensor
from tflite_export.split_server import METHOD, SERVICE, SplitServer
from tflite_export.wire import Answer, Feature, Hello, Status, Welcome

VIEWS = 3


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    return write_halves(tmp_path_factory.mktemp("single"), views=1)


@pytest.fixture(scope="module")
def multi(tmp_path_factory):
    return write_halves(tmp_path_factory.mktemp("multi"), views=VIEWS)


@pytest.fixture
def start():
    servers = []

    def start_server(folder, **settings):
        sensor = folder / "sensor.tflite"
        server = SplitServer(
            open_pair(sensor, folder / "aggregator.tflite"), fingerprint(sensor), ServerSettings(**settings)
        )
        servers.append(server)
        return server, f"127.0.0.1:{server.start('127.0.0.1:0')}"

    yield start_server
    for server in servers:
        server.stop()


class _Manual:
    """A sensor whose every message the test decides on."""

    def __init__(self, address, hello):
        self.waiting, self.messages = threading.Semaphore(0), []
        self.channel = grpc.insecure_channel(address)
        self.call = self.channel.stream_stream(f"/{SERVICE}/{METHOD}")(self._feed())
        self.send(hello)

    def _feed(self):
        while True:
            self.waiting.acquire()
            message = self.messages.pop(0)
            if message is None:
                return
            yield message

    def send(self, message):
        self.messages.append(message if message is None else getattr(message, "pack", lambda: message)())
        self.waiting.release()

    def hear(self, kind):
        return kind.unpack(next(self.call))

    def die(self):
        self.call.cancel()
        self.send(None)
        self.channel.close()


def _features(folder, images):
    model = Int8Model(folder / "sensor.tflite")
    return [model(bytes_to_int8(image)[np.newaxis]).tobytes() for image in images]


def _run_sensor(folder, address, images, **settings):
    answers = []
    sensor = SplitSensor(
        folder / "sensor.tflite",
        lambda frame: images[frame % len(images)],
        address,
        SensorSettings(retry_s=10, **settings),
        answers.append,
    )
    sensor.run()
    return sensor, answers


def _renamed(multi, target, names):
    def rename(model):
        for tensor, name in zip(model.subgraphs[0].tensors, names, strict=False):
            tensor.name = name

    return rewrite(multi / "aggregator.tflite", target, rename)


@pytest.mark.parametrize("names", [("view_10", "view_9", "view_1"), ("²", "12", "3"), ("9" * 5000, "8" * 5000, "7")])
def test_views_have_the_natural_order_of_any_names(multi, tmp_path, names):
    assert Int8Model(_renamed(multi, tmp_path / "a.tflite", names)).places == (2, 1, 0)


def test_a_name_that_is_no_text_is_refused(multi, tmp_path):
    with pytest.raises(UserError, match=r"a\.tflite: a tensor's name is no UTF-8 text"):
        Int8Model(_renamed(multi, tmp_path / "a.tflite", (b"\xff", b"\xfe", b"\xfd")))


def test_answers_equal_running_offline_in_order_and_cost_their_bytes(single, start):
    server, address = start(single)
    images = camera_images(40)
    sensor, answers = _run_sensor(single, address, images, frames=100)
    expected = run_split(single / "sensor.tflite", single / "aggregator.tflite", images)

    assert [answer.frame for answer in answers] == list(range(100))
    for answer in answers:
        assert np.array_equal(np.frombuffer(answer.data, np.int8), expected[answer.frame % 40])
    report, seen = sensor.report(), server.hub.report()
    assert (report["answered"], report["lost"], report["out_of_order"], report["late"]) == (100, 0, 0, 0)
    assert seen["bytes_in"] == 100 * (24 + 4 * 4 * 4) + 24
    assert seen["bytes_out"] == 100 * (32 + 3)
    assert [event["event"] for event in seen["events"]] == ["joined", "finished"]
    assert list(report["stages"])[-1] == "end to end"
    assert report["stages"]["end to end"]["median_ms"] >= report["stages"]["sensor"]["median_ms"] > 0


def test_an_image_that_cannot_be_read_is_named(single, start):
    _, address = start(single)

    def read(frame):
        if frame == 3:
            raise UserError("photo3.png: not a readable picture")
        return camera_images(1)[0]

    sensor = SplitSensor(single / "sensor.tflite", read, address, SensorSettings(frames=9))
    with pytest.raises(UserError, match=r"photo3\.png"):
        sensor.run()


def test_a_frame_number_far_ahead_does_not_make_all_others_late(multi, start):
    _, address = start(multi, start_timeout_s=0.1)
    key = fingerprint(multi / "sensor.tflite")
    good, bad = (_Manual(address, Hello(sensor=view, fingerprint=key)) for view in (0, 1))
    good.hear(Welcome), bad.hear(Welcome)
    good.send(Feature(sensor=0, frame=0, data=bytes(64)))
    assert good.hear(Answer).frame == 0
    bad.send(Feature(sensor=1, frame=2**63, data=bytes(64)))
    with pytest.raises(grpc.RpcError) as caught:
        next(bad.call)
    assert "far ahead" in caught.value.details()
    good.send(Feature(sensor=0, frame=1, data=bytes(64)))
    assert good.hear(Answer).frame == 1
    good.die(), bad.die()


def test_another_half_is_refused_by_its_fingerprint(single, start, tmp_path):
    _, address = start(single)
    other = write_halves(tmp_path / "other", views=1, seed=5)
    with pytest.raises(UserError, match="runs another half"):
        _run_sensor(other, address, camera_images(2), frames=2)


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (b"GET / HTTP/1.1", "received 14"),
        (Feature(sensor=0, frame=0, data=bytes(63)), "a feature has 64 bytes, received 63"),
        (Feature(sensor=5, frame=0, data=bytes(64)), "speaks for sensor 5"),
    ],
)
def test_what_is_no_feature_ends_the_stream_with_a_reason(single, start, message, what):
    _, address = start(single)
    sensor = _Manual(address, Hello(sensor=0, fingerprint=fingerprint(single / "sensor.tflite")))
    assert sensor.hear(Welcome).feature_bytes == 64
    sensor.send(message)
    with pytest.raises(grpc.RpcError) as caught:
        next(sensor.call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert what in caught.value.details()
    sensor.die()


def test_a_message_beyond_a_feature_is_not_even_read(single, start):
    server, address = start(single)
    sensor = _Manual(address, Hello(sensor=0, fingerprint=fingerprint(single / "sensor.tflite")))
    sensor.hear(Welcome)
    sensor.send(Feature(sensor=0, frame=0, data=bytes(10**6)))
    with pytest.raises(grpc.RpcError):
        next(sensor.call)
    assert server.hub.report()["bytes_in"] == 0
    sensor.die()


def test_three_views_are_fused_by_frame(multi, start):
    server, address = start(multi, deadline_ms=30_000)
    images = camera_images(60)
    results = {}

    def work(view):
        results[view] = _run_sensor(multi, address, images[view::VIEWS], frames=20, sensor=view)[1]

    threads = [threading.Thread(target=work, args=(view,)) for view in range(VIEWS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    aggregator, features = Aggregator(multi / "aggregator.tflite"), _features(multi, images)
    for view in range(VIEWS):
        assert [answer.frame for answer in results[view]] == list(range(20))
        for answer in results[view]:
            assert answer.data == aggregator(features[answer.frame * VIEWS : answer.frame * VIEWS + VIEWS])
            assert answer.status is Status.COMPLETE
    assert server.hub.report()["complete"] == 20


@pytest.mark.parametrize("fill", ["zeros", "last"])
def test_a_missing_view_is_filled_and_named_until_it_returns(multi, start, fill):
    server, address = start(multi, deadline_ms=150, fill=fill)
    key = fingerprint(multi / "sensor.tflite")
    sensors = [_Manual(address, Hello(sensor=view, fingerprint=key)) for view in range(VIEWS)]
    for sensor in sensors:
        sensor.hear(Welcome)
    aggregator, features = Aggregator(multi / "aggregator.tflite"), _features(multi, camera_images(9))

    def ask(frame, views):
        for view in views:  # one after the other: streams have no order among themselves
            before = server.hub.report()["bytes_in"]
            sensors[view].send(Feature(sensor=view, frame=frame, data=features[view]))
            while server.hub.report()["bytes_in"] == before:
                time.sleep(0.001)
        return [sensors[view].hear(Answer) for view in views]

    assert {answer.status for answer in ask(0, (0, 1, 2))} == {Status.COMPLETE}
    stand_in = features[1] if fill == "last" else bytes([aggregator.quantization.zero_point & 0xFF]) * 64
    for frame in (1, 2):  # late at first, then not waited for
        for answer in ask(frame, (0, 2)):
            assert (answer.status, answer.missing_views) == (Status.FILLED, (1,))
            assert answer.data == aggregator([features[0], stand_in, features[2]])
    sensors[1].send(Feature(sensor=1, frame=1, data=features[1]))
    late = sensors[1].hear(Answer)
    assert (late.status, late.frame, late.data) == (Status.LATE, 3, b"")
    sensors[1].die()
    assert ask(3, (0, 2))[0].missing_views == (1,)
    sensors[1] = _Manual(address, Hello(sensor=1, fingerprint=key))
    frame = sensors[1].hear(Welcome).next_frame
    assert frame > 3
    assert {answer.status for answer in ask(frame, (1, 0, 2))} == {Status.COMPLETE}
    for sensor in sensors:
        sensor.die()
    report = server.hub.report()
    events = [event["event"] for event in report["events"] if event["sensor"] == 1 and event["event"] != "silent"]
    assert events[:3] == ["joined", "lost", "returned"] or events[:4] == ["joined", "heard again", "lost", "returned"]
    assert (report["complete"], report["filled"], report["late"]) == (2, 3, 1)


def test_a_sensor_that_hung_catches_up_with_the_others(multi, start):
    _, address = start(multi, deadline_ms=300)
    image, results = camera_images(1)[0], {}

    def work(view):
        def read(frame):
            if view == 1 and frame == 5:
                time.sleep(1.0)
            return image

        answers = results.setdefault(view, [])
        time.sleep(0.8 if view == 1 else 0.0)  # the others' schedule is ahead of its own
        settings = SensorSettings(frames=400, sensor=view, frames_per_s=200)
        SplitSensor(multi / "sensor.tflite", read, address, settings, answers.append).run()

    threads = [threading.Thread(target=work, args=(view,)) for view in range(VIEWS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    by_frame = {answer.frame: answer.missing_views for answer in results[0]}
    assert any(1 in missing for missing in by_frame.values())
    assert () in [missing for frame, missing in by_frame.items() if frame >= 300]


def test_one_view_goes_on_behind_its_last_answer(single, start):
    _, address = start(single)
    hello = Hello(sensor=7, fingerprint=fingerprint(single / "sensor.tflite"))
    for expected in (0, 2, 4):
        sensor = _Manual(address, hello)
        assert sensor.hear(Welcome).next_frame == expected
        for frame in (expected, expected + 1):
            sensor.send(Feature(sensor=7, frame=frame, data=bytes(64)))
            assert sensor.hear(Answer).frame == frame
        sensor.die()


def test_a_view_that_does_not_exist_is_refused(multi, start):
    _, address = start(multi)
    with pytest.raises(UserError, match=r"no view 3; .* 0\.\.2"):
        _run_sensor(multi, address, camera_images(2), frames=2, sensor=3)


def test_the_demo_survives_a_killed_sensor(single, tmp_path, capsys):
    np.save(tmp_path / "images.npy", camera_images(30))
    np.save(tmp_path / "labels.npy", np.arange(30) % 3)
    arguments = ["--sensors", "2", "--frames", "400", "--rate", "200", "--kill", "--json", str(tmp_path / "demo.json")]
    arguments += ["--images", str(tmp_path / "images.npy"), "--labels", str(tmp_path / "labels.npy")]
    assert demo([str(single), *arguments]) == 0

    printed = capsys.readouterr().out
    assert "lost, out of order: 0, 0" in printed
    figures = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    assert figures["equal"] == figures["compared"] > 400
    assert figures["correct"] == figures["offline_correct"]
    events = [event["event"] for event in figures["server"]["events"] if event["sensor"] == 1]
    assert [event for event in events if event not in ("silent", "heard again")] == [
        "joined",
        "lost",
        "returned",
        "finished",
    ]


def test_the_demo_shows_objects_in_several_views(multi, tmp_path, capsys):
    np.save(tmp_path / "images.npy", camera_images(8 * VIEWS).reshape(8, VIEWS, 8, 8, 3))
    np.save(tmp_path / "labels.npy", np.arange(8) % 3)
    arguments = ["--images", str(tmp_path / "images.npy"), "--labels", str(tmp_path / "labels.npy"), "--frames", "20"]
    assert demo([str(multi), *arguments, "--json", str(tmp_path / "demo.json")]) == 0

    figures = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    assert figures["equal"] == figures["compared"] > 0
    assert figures["server"]["views"] == VIEWS
    assert figures["correct"] == figures["offline_correct"]
    assert "lost, out of order: 0, 0" in capsys.readouterr().out


def test_views_of_an_object_are_frames_of_one_number(tmp_path):
    objects = camera_images(8 * VIEWS).reshape(8, VIEWS, 8, 8, 3)
    np.save(tmp_path / "images.npy", objects)
    np.save(tmp_path / "labels.npy", np.arange(8))
    given = argparse.Namespace(images=tmp_path / "images.npy", labels=tmp_path / "labels.npy")
    images, labels = demo_images(given, VIEWS)
    for frame, view in ((0, 0), (5, 2), (7, 1)):
        # What `run_demo` shows to sensor `view` as its frame of this number.
        np.testing.assert_array_equal(images[frame * VIEWS + view], objects[frame, view])
        assert labels[frame * VIEWS + view] == frame
    with pytest.raises(UserError, match=r"\[n, s, s, 3\]"):
        demo_images(given, 1)


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (serve, [], "no such file"),
        (sense, ["--images", "none.npy"], "no such file"),
        (demo, [], "no such file"),
    ],
)
def test_missing_files_end_in_one_line_and_2(tmp_path, capsys, command, arguments, message):
    assert command([str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", [sense, demo])
def test_a_sensor_that_takes_no_square_image_is_refused(single, tmp_path, monkeypatch, capsys, command):
    def narrow(model):
        model.subgraphs[0].tensors[0].shape = [1, 8, 7, 3]

    rewrite(single / "sensor.tflite", tmp_path / "sensor.tflite", narrow)
    (tmp_path / "aggregator.tflite").write_bytes((single / "aggregator.tflite").read_bytes())
    np.save(tmp_path / "images.npy", camera_images(2))
    monkeypatch.setattr("tflite_export.local_demo.run_demo", None)  # no process is started for it
    assert command([str(tmp_path), "--images", str(tmp_path / "images.npy"), "--frames", "1"]) == 2
    assert "sensor.tflite: takes [8, 7, 3], no square RGB image" in capsys.readouterr().err


def test_an_input_without_axes_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected one int8 input with a batch of 1, received int8\[\]"):
        Int8Model(write_scalar(tmp_path / "scalar.tflite"))


def test_halves_of_different_networks_are_not_served(single, multi, split_export, tmp_path, capsys):
    (tmp_path / "sensor.tflite").write_bytes(split_export.paths[0].read_bytes())
    (tmp_path / "aggregator.tflite").write_bytes((single / "aggregator.tflite").read_bytes())
    assert serve([str(tmp_path)]) == 2
    assert "not halves of one network" in capsys.readouterr().err
    content = (multi / "sensor.tflite").read_bytes()
    (tmp_path / "sensor.tflite").write_bytes(content[: len(content) // 2])
    assert serve([str(tmp_path)]) == 2
    assert "sensor.tflite" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["nowhere", "host:", ":80", "host:99999", "host:x"])
def test_a_silly_address_is_refused(address, capsys):
    with pytest.raises(SystemExit) as caught:
        serve(["run", "--address", address])
    assert caught.value.code == 2
    assert "HOST:PORT" in capsys.readouterr().err
