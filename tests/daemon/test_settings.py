"""What an operator configures is what sessions and connections work by."""

from typing import Any

import attrs
import pytest

from relayd import config
from relayd.daemon.settings import edge_settings, session_limits
from relayd.edge.settings import EdgeSettings
from relayd.session.limits import SessionLimits

SESSION = {field.name for field in attrs.fields(SessionLimits)}
EDGE = {field.name for field in attrs.fields(EdgeSettings)}
DEFAULTS: dict[str, Any] = {
    "limits": config.Limits(),
    "metering": config.Metering(),
    "server": config.Server(),
}
KEYS = [
    (section, field.name)
    for section, values in DEFAULTS.items()
    for field in attrs.fields(type(values))
    if field.name in SESSION | EDGE and field.name != "credits_low_seconds"
]


def figures(key: str, **sections: Any) -> list[float]:
    """What sessions and connections make of this key, with these sections as configured."""
    found = DEFAULTS | sections
    limits = session_limits(found["limits"], found["metering"])
    edge = edge_settings(found["server"], found["limits"])
    return [getattr(one, key) for one in (limits, edge) if hasattr(one, key)]


@pytest.mark.parametrize(("section", "key"), KEYS, ids=[key for _, key in KEYS])
def test_a_key_says_what_it_bounds(section: str, key: str) -> None:
    """Twice the figure in the configuration is twice the figure where it is worked by."""
    values = DEFAULTS[section]
    doubled = attrs.evolve(values, **{key: 2 * getattr(values, key)})

    assert figures(key)
    assert figures(key, **{section: doubled}) == [2 * figure for figure in figures(key)]


@pytest.mark.parametrize("name", sorted(SESSION | {key for _, key in KEYS}))
def test_there_is_one_source_of_defaults(name: str) -> None:
    """What the configuration names has its default there and nowhere else."""
    fields = {**attrs.fields_dict(EdgeSettings), **attrs.fields_dict(SessionLimits)}

    assert fields[name].default is attrs.NOTHING


def test_a_trusted_proxy_is_exempt_from_the_cap_of_an_address() -> None:
    """An address and a network are both taken, also one with host bits set."""
    server = config.Server(trusted_proxies=("192.0.2.1", "2001:db8::7/64"))

    proxies = edge_settings(server, config.Limits()).proxies

    assert [str(network) for network in proxies.networks] == ["192.0.2.1/32", "2001:db8::/64"]


def test_a_session_renews_before_its_record_is_due() -> None:
    """The record must be written within flush_seconds, so that a kill loses no more than that."""
    metering = config.Metering(flush_seconds=10)

    assert session_limits(config.Limits(), metering).flush_seconds < 10
