from __future__ import annotations

import msgspec
import pytest
from msgspec import structs
from tests.monitor.machines import interface, sample

from lanline.monitor.sampling import sampler
from lanline.monitor.summary import TOP
from lanline.wire import samples
from lanline.wire.codec import CommandError, decode_command_untrusted, encode
from lanline.wire.messages import Publish
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
