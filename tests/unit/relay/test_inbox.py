"""Frames that wait for their turn (protocol.md 9.6)."""

from __future__ import annotations

from channel.protocol import limits
from channel.protocol.frames import TokenItem, UpFrame
from channel.relay.inbox import Inboxes


def frame(tokens: int) -> UpFrame:
    return UpFrame.model_construct(items=tuple(TokenItem.model_construct(token=str(n)) for n in range(tokens)))


async def test_of_one_large_frame_only_a_part_is_taken_before_another_party_has_its_turn() -> None:
    inboxes, size = Inboxes(("a", "b")), 3 * limits.BATCH_ITEMS_PER_PARTY_MAX + 5
    flood, one = inboxes.put("a", frame(size)), inboxes.put("b", frame(1))
    assert flood is not None
    assert one is not None
    seen: list[str] = []
    for turn in range(4):
        inboxes.wake.clear()
        taken = list(inboxes.take())
        assert [party for party, _, _ in taken] == (["a", "b"] if turn == 0 else ["a"])
        items = taken[0][2]
        assert len(items) <= limits.BATCH_ITEMS_PER_PARTY_MAX
        seen += [item.token for item in items if isinstance(item, TokenItem)]
        assert taken[0][1].whole == (turn == 3)
        assert inboxes.wake.is_set() == (turn < 3), "the rest is taken without anybody's doing"
    assert seen == [str(n) for n in range(size)]
    assert list(inboxes.take()) == []


async def test_small_frames_share_a_turn_up_to_the_bound() -> None:
    inboxes = Inboxes(("a",))
    for _ in range(limits.BATCH_ITEMS_PER_PARTY_MAX):
        inboxes.put("a", frame(2))
    taken = list(inboxes.take())
    assert sum(len(items) for _, _, items in taken) == limits.BATCH_ITEMS_PER_PARTY_MAX
    assert all(arrived.whole for _, arrived, _ in taken)
    assert len(list(inboxes.take())) == limits.BATCH_ITEMS_PER_PARTY_MAX // 2
