from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.monitor.machines import interface, sample

from lanline.monitor.exposition import HubFigures, render
from lanline.monitor.sampling import sampler
from lanline.monitor.series import Recent
from lanline.monitor.summary import TOP, summarize
from lanline.wire import samples
from lanline.wire.codec import CommandError, decode_command_untrusted, encode
from lanline.wire.messages import MachineInfo, Publish
from lanline.wire.samples import Sample, User


def travelled(one: Sample) -> Sample:
    command = decode_command_untrusted(encode(Publish(sample=one)))
    assert isinstance(command, Publish)
    return command.sample


def test_a_sample_arrives_as_it_was_sent() -> None:
    assert travelled(sample()) == sample()


@pytest.mark.parametrize(
    "hostile",
    [
        structs.replace(sample(), name="x" * 257),
        structs.replace(sample(), users=[User(name="x" * 10_000_000)]),
        structs.replace(sample(), interfaces=[interface()] * 257),
        structs.replace(sample(), interfaces=[interface(received_bytes=10**4000)]),
        structs.replace(sample(), process_count=-1),
        structs.replace(sample(), left_out={str(number): 1 for number in range(17)}),
    ],
    ids=["name", "user", "interfaces", "digits", "negative", "left_out"],
)
def test_a_sample_beyond_its_bounds_is_refused(hostile: Sample) -> None:
    with pytest.raises(CommandError) as refused:
        travelled(hostile)
    assert refused.value.code == "bad-message"


def test_figures_that_are_no_numbers_are_refused() -> None:
    raw = msgspec.json.encode(Publish(sample=sample())).replace(b'"load_1":0.5', b'"load_1":"0.5"')
    with pytest.raises(CommandError):
        decode_command_untrusted(raw)


def test_what_a_newer_agent_adds_is_ignored() -> None:
    raw = msgspec.json.encode(Publish(sample=sample()))
    newer = raw.replace(b'"load_1":0.5', b'"load_1":0.5,"load_60":{"x":[1]}')
    command = decode_command_untrusted(newer)
    assert isinstance(command, Publish)
    assert command.sample == sample()


def test_agents_keep_within_the_bounds() -> None:
    most = (sampler.MOST_MOUNTS, sampler.MOST_DISKS, sampler.MOST_INTERFACES, sampler.MOST_USERS)
    assert max(*most, 2 * TOP) <= samples.MOST_OF_A_KIND


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.data())
def test_a_sample_with_anything_in_any_place_is_read_or_refused(data: st.DataObject) -> None:
    raw = msgspec.to_builtins(sample())
    place = raw
    while True:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
        )
        inner = place[key]
        if not inner or not isinstance(inner, dict | list) or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(json_values)
    frame = msgspec.json.encode({"type": "publish", "sample": raw})
    try:
        command = decode_command_untrusted(frame)
    except CommandError:
        return
    assert isinstance(command, Publish)
    assert travelled(command.sample) == command.sample
    # What is made of it stands, whatever it says.
    summarize(command.sample)
    info = MachineInfo(
        id="m", name=command.sample.name, state="here", since=1.0, sample=command.sample
    )
    render([info], HubFigures(version="1", started=0.0))
    recent = Recent()
    recent.add(command.sample, 1.0)
    recent.columns(60, 2.0)
