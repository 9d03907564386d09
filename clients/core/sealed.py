"""A notice that is to be sealed -> its outer's members and its body (protocol.md 6.5.2, 11.12). Pure: key, time and
randomness come in. What comes sealed to us is `unsealing`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError
from pydantic_core import to_json

from channel.ledger import Ledger
from channel.protocol import geometry, limits, outer, schema, sealing
from channel.protocol.envelope import Signer
from channel.protocol.errors import UsageError
from channel.protocol.forms import Circle, Shape, Volume
from channel.protocol.sealing import InnerNotice, Randomness
from channel.protocol.times import to_wire
from clients.core.areas import PlaceError, Reader, checked
from clients.core.drafts import Draft
from clients.core.store_sealed import OwnBody

CELL = "cell"


def seal(
    draft: Draft, ledger: Ledger, party: str, now_ms: int, signer: Signer, random: Randomness
) -> tuple[Draft, OwnBody]:
    """The outer as a draft, and what is sealed, to the newest key of each addressee. UsageError if it cannot be."""
    inner = _inner(draft, ledger.charter.net, party, now_ms)
    problem = geometry.check_volumes(inner.volumes, kind=inner.kind, issued_ms=now_ms)
    if problem is not None:  # the relay cannot see it and refuse it
        raise PlaceError(*problem)
    token = sealing.sign_inner(inner, signer)
    parties = [*(addressee.party for addressee in inner.to), *inner.info]
    unknown = [name for name in parties if name not in ledger.parties]
    if unknown or not parties:
        raise UsageError(f"a notice is sealed to parties of the charter, not to {', '.join(unknown) or 'nobody'}")
    jwe = sealing.seal_inner(token, outer.recipient_keys(parties, ledger.ring, ledger.size), random=random)
    hashes = sealing.hashes(jwe, token)
    shown = {**draft.members, **outer.COVER, **dict.fromkeys(outer.ABSENT), "sealed": hashes}
    return replace(draft, members=shown), OwnBody(hashes.ct, jwe, token)


def _inner(draft: Draft, net: str, party: str, now_ms: int) -> InnerNotice:
    common = {"v": 1, "net": net, "from": party, "desk": draft.desk, "issued": to_wire(now_ms)}
    said = {
        name: value for name, value in draft.members.items() if name in InnerNotice.model_fields and value is not None
    }
    try:
        text = to_json(common | said, by_alias=True, exclude_none=True)
        return InnerNotice.model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        raise UsageError(f"this notice cannot be: {schema.explain(error)}") from error


def read_warn(text: str, volumes: Iterable[Volume], reader: Reader, *, coarse: bool) -> Shape:
    """`cell`: the cells of a fixed grid around the notice's own places. `PLACE,RADIUS`: a circle; `coarse`, as of a
    sealed notice: its centre made so. UsageError if that is too fine."""
    if text.strip().lower() == CELL:
        return outer.cell(volume.shape for volume in volumes)
    circle: Circle = reader.circle(text)
    if coarse and outer.warn_fault(circle) is not None:
        least = f"{limits.WARN_M_MIN // 1000} km"
        raise UsageError(f"a warn area of a sealed notice has a radius of {least} or more, not {circle.radius_m} m")
    checked(circle)
    return outer.coarse(circle) if coarse else circle
