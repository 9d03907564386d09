"""What people sign beside a scenario while it runs: their acts explain why an entry may not come off (scenario.md S19).

Pure: leaves in, yes or no out. Who signs with a desk's key and is not the scenario is a person.
"""

from __future__ import annotations

from collections.abc import Iterable

from channel.ledger.ledger import Ledger
from channel.protocol import ids
from channel.protocol.ids import Hash
from channel.protocol.statements import Acknowledgement
from channel.scenario.journal import Told

_POINTERS = ("of", "amends", "withdraws", "replaces")


class Persons:
    """What they have touched so far: statements by hash, and parties."""

    def __init__(self) -> None:
        self._touched: set[Hash] = set()
        self._parties: set[str] = set()

    def take(self, told: Told, ledger: Ledger) -> None:
        """A leaf that no entry signed."""
        opened, body = told.opened, told.opened.body
        if not ids.is_desk_kid(opened.kid):
            return
        self._parties.add(opened.party)
        self._touched.add(opened.of)
        self._touched.update(of for name in _POINTERS if (of := getattr(body, name, None)) is not None)
        if isinstance(body, Acknowledgement):
            alert = ledger.alerts[body.alert].body
            self._parties.add(alert.fault)
            if alert.of is not None:
                self._touched.add(alert.of)

    def upset(self, of: Hash) -> None:
        """An entry's statement that came to nothing because of them: what rests on it comes to nothing, too."""
        self._touched.add(of)

    def explain(self, about: Iterable[Hash], parties: Iterable[str]) -> bool:
        """Whether people have touched any of these statements, or have spoken for any of these parties."""
        return not self._touched.isdisjoint(about) or not self._parties.isdisjoint(parties)
