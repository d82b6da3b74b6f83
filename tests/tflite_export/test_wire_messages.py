"""Messages between sensor and aggregator: round trips, sizes, and whatever else comes in is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflite_export.wire import Answer, Feature, Hello, Status, Welcome, WireError

words = st.integers(0, 2**32 - 1)
frames = st.integers(0, 2**64 - 1)
sensors = st.integers(0, 2**16 - 1)
messages = st.one_of(
    st.builds(Hello, sensor=sensors, fingerprint=st.binary(min_size=32, max_size=32)),
    st.builds(Welcome, views=sensors, feature_bytes=words, next_frame=frames),
    st.builds(
        Feature, sensor=sensors, frame=frames, read_us=words, infer_us=words, last=st.booleans(), data=st.binary()
    ),
    st.builds(
        Answer,
        status=st.sampled_from(Status),
        sensor=sensors,
        frame=frames,
        missing=frames,
        wait_us=words,
        infer_us=words,
        data=st.binary(),
    ),
)


@given(messages)
def test_messages_survive_the_wire(message):
    assert type(message).unpack(message.pack()) == message


def test_a_feature_costs_its_bytes_and_24_more():
    assert len(Feature(sensor=3, frame=10**9, data=bytes(384)).pack()) == 384 + 24


@given(st.sampled_from((Hello, Welcome, Feature, Answer)), st.binary(max_size=80))
def test_anything_else_is_refused(kind, message):
    with pytest.raises(WireError):
        kind.unpack(message)


def test_other_versions_sizes_and_states_are_refused():
    hello = Hello(sensor=1, fingerprint=bytes(32)).pack()
    for wrong in (hello[:-1], hello + b"x", b"SPNU" + hello[4:], hello[:4] + b"\x02" + hello[5:]):
        with pytest.raises(WireError):
            Hello.unpack(wrong)
    answer = bytearray(Answer(status=Status.LATE, sensor=1, frame=2).pack())
    answer[5] = 9
    with pytest.raises(WireError, match="status 9"):
        Answer.unpack(bytes(answer))


def test_missing_views_are_named():
    assert Answer(status=Status.FILLED, sensor=0, frame=0, missing=0b1010).missing_views == (1, 3)


def test_a_time_that_does_not_fit_is_capped():
    assert Feature.unpack(Feature(sensor=0, frame=0, read_us=2**40).pack()).read_us == 2**32 - 1
