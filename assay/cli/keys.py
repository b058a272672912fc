"""`assay keys`: which keys speak for a role, a new one for it, and one that none believes any more.

The secret that splits rows is none of these: another one would make another holdout.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from assay.cli.show import print_table, say
from assay.errors import AssayError
from assay.evidence.keys import make_key
from assay.home import find_home
from assay.registry import keyring
from assay.registry.gate import Gate


def show(arguments: argparse.Namespace) -> int:
    """Print each role's keys; 1 when somebody has to look at one."""
    found = keyring.list_keys(_gate(arguments))
    rows = [(listed.role, listed.key, listed.state) for listed in found]
    print_table("keys", ("role", "key", "state"), rows)
    return 0 if all(listed.well for listed in found) else 1


def rotate(arguments: argparse.Namespace) -> int:
    """Make a new key for a role; say what became of the one before."""
    gate = _gate(arguments)
    done = keyring.rotate(gate, arguments.role, int(time.time()))
    if done.resumed:
        say("an earlier rotation was interrupted; this completed it")
    if done.lost:
        say(f"the key that was here did not speak for {arguments.role}: {done.lost}")
    say(f"{arguments.role} signs with {done.key}; the private key before it is removed")
    for key in done.former:
        say(f"{key} still verifies what it signed; if others may hold it, revoke it")
    say("hand trust.json to whoever verifies by it: it names the new key")
    _say_whether_it_rules(gate)
    return 0


def make(arguments: argparse.Namespace) -> int:
    """Make a key for somebody who signs elsewhere; print its public half."""
    say(make_key(Path(arguments.file)))
    return 0


def trust(arguments: argparse.Namespace) -> int:
    """Believe keys that somebody made elsewhere."""
    gate = _gate(arguments)
    found = keyring.entrust(gate, arguments.role, arguments.keys, int(time.time()))
    say(f"{arguments.role} is believed by {', '.join(found)}")
    say("hand trust.json to whoever verifies by it: it names them")
    _say_whether_it_rules(gate)
    return 0


def revoke(arguments: argparse.Namespace) -> int:
    """Take a key out of trust; say which champions rest on it."""
    gate = _gate(arguments)
    done = keyring.revoke(gate, arguments.key, int(time.time()))
    say(f"{arguments.key} is not believed for {done.role} any more")
    for version, how in done.resting.items():
        say(f"{version} {how}")
    if not done.resting:
        say("no champion rests on it")
    say("hand trust.json to whoever verifies by it: it believes the key until then")
    _say_whether_it_rules(gate)
    return 0


def _say_whether_it_rules(gate: Gate) -> None:
    """Whose policy's owner is elsewhere has to ask them to sign keys, too."""
    try:
        gate.policy()
    except AssayError as error:  # the keys were changed all the same
        say(f"nothing is decided in this home: {error}")


def _gate(arguments: argparse.Namespace) -> Gate:
    return Gate(find_home(arguments.home))
