"""Fusing views by frame: who is waited for, for how long, and in which order frames become ready."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tflite_export.view_fusion import ViewFusion

DEADLINE_S = 0.2


def _full(views=3):
    fusion = ViewFusion(views, DEADLINE_S)
    for view in range(views):
        fusion.join(view)
    return fusion


def _numbers(ready):
    return [frame.frame for frame in ready]


def test_a_frame_is_ready_when_its_last_view_comes():
    fusion = _full()
    assert fusion.add(0, 0, b"a", 0.0) == []
    assert fusion.add(2, 0, b"c", 0.1) == []
    (ready,) = fusion.add(1, 0, b"b", 0.15)
    assert (ready.frame, ready.features, ready.missing, ready.first_s) == (0, {0: b"a", 1: b"b", 2: b"c"}, (), 0.0)


def test_a_late_view_is_given_up_at_the_deadline_and_not_waited_for_again():
    fusion = _full()
    fusion.add(0, 0, b"a", 0.0)
    fusion.add(1, 0, b"b", 0.0)
    assert fusion.poll(DEADLINE_S - 0.01) == []
    (ready,) = fusion.poll(DEADLINE_S)
    assert ready.missing == (2,)
    fusion.add(0, 1, b"a", 0.3)
    (ready,) = fusion.add(1, 1, b"b", 0.31)
    assert (ready.frame, ready.missing) == (1, (2,))
    assert fusion.add(2, 0, b"c", 0.32) is None


def test_a_late_view_is_waited_for_again_from_its_next_frame_in_time():
    fusion = _full(2)
    fusion.add(0, 0, b"a", 0.0)
    fusion.poll(1.0)
    fusion.add(1, 5, b"b", 1.0)
    assert _numbers(fusion.add(0, 1, b"a", 1.0)) == [1]
    assert fusion.add(0, 6, b"a", 1.0) == []
    ready = fusion.add(1, 6, b"b", 1.1)
    assert [(frame.frame, frame.missing) for frame in ready] == [(5, (0,)), (6, ())]


def test_nobody_waits_for_a_sensor_that_is_gone():
    fusion = _full()
    fusion.add(0, 0, b"a", 0.0)
    fusion.add(1, 0, b"b", 0.0)
    (ready,) = fusion.leave(2, 0.01)
    assert ready.missing == (2,)
    fusion.add(0, 1, b"a", 0.02)
    assert _numbers(fusion.add(1, 1, b"b", 0.02)) == [1]


def test_before_all_have_come_frames_wait_without_a_deadline():
    fusion = ViewFusion(2, DEADLINE_S)
    fusion.join(0)
    fusion.add(0, 0, b"a", 0.0)
    assert fusion.poll(100.0) == []
    assert not fusion.started
    fusion.join(1)
    assert _numbers(fusion.add(1, 0, b"b", 100.1)) == [0]


def test_waiting_for_all_can_be_given_up():
    fusion = ViewFusion(2, DEADLINE_S)
    fusion.join(0)
    fusion.add(0, 0, b"a", 0.0)
    (ready,) = fusion.start(30.0)
    assert ready.missing == (1,)


def test_a_frame_that_a_view_skipped_is_ready_before_the_next_one():
    fusion = _full(2)
    fusion.add(1, 1, b"b", 0.0)
    fusion.add(0, 0, b"a", 0.0)
    ready = fusion.add(0, 1, b"a", 0.01)
    assert [(frame.frame, frame.missing) for frame in ready] == [(0, (1,)), (1, ())]


def test_one_view_is_ready_at_once():
    fusion = _full(1)
    assert _numbers(fusion.add(0, 0, b"a", 0.0)) == [0]
    assert fusion.first_useful_frame == 1


steps = st.lists(
    st.tuples(st.sampled_from(("add", "skip", "join", "leave", "pass")), st.integers(0, 2)), min_size=1, max_size=80
)


@settings(max_examples=200)
@given(steps, st.booleans())
def test_each_feature_is_used_once_and_frames_never_go_back(steps, started):
    fusion, now_s = _full() if started else ViewFusion(3, DEADLINE_S), 0.0
    following, present = dict.fromkeys(range(3), 0), set(range(3)) if started else set()
    accepted, ready = set(), []
    for step, view in steps:
        now_s += 0.05
        if step == "join":
            fusion.join(view)
            present.add(view)
            following[view] = max(following[view], fusion.first_useful_frame)
        elif step == "leave" and view in present:
            present.discard(view)
            ready += fusion.leave(view, now_s)
        elif step == "skip":
            following[view] += 3
        elif step == "add" and view in present:
            answered = fusion.add(view, following[view], bytes([view]), now_s)
            if answered is not None:
                accepted.add((following[view], view))
                ready += answered
            following[view] += 1
        else:
            ready += fusion.poll(now_s)
    ready += fusion.start(now_s) + fusion.poll(now_s + 2 * DEADLINE_S)

    assert _numbers(ready) == sorted(set(_numbers(ready)))
    assert {(frame.frame, view) for frame in ready for view in frame.features} == accepted
    for frame in ready:
        assert set(frame.missing) == set(range(3)) - set(frame.features)
        assert frame.features
