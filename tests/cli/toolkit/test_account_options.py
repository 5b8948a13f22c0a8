"""How commands of the client sign in."""

import argparse
import getpass
import warnings

import pytest

from relayd.cli.toolkit.account_options import signing_in


class Faulty(Exception):  # noqa: N818 - argparse's own way out, in a test
    """What `arguments.fault` raises here."""


def fault(told: str) -> None:
    """As a parser's, which leaves the program."""
    raise Faulty(told)


def no_terminal(prompt: str) -> str:
    """As the system's where there is none."""
    warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
    raise EOFError


def test_without_a_terminal_the_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that runs the command hears what to give, and no password is shown anywhere."""
    monkeypatch.setattr(getpass, "getpass", no_terminal)
    arguments = argparse.Namespace(email="a@example.org", password_stdin=False, fault=fault)
    with pytest.raises(Faulty, match="no terminal to ask for the password: use --password-stdin"):
        signing_in(arguments)
