"""The ledger: a pure fold of the log, the delivery's two machines, policy and deadlines. No I/O, no clock."""

from channel.ledger.deadlines import Agenda, AlertDraft
from channel.ledger.delivery import Custody, Delivery, End, Leg, Reply
from channel.ledger.digest import state_digest
from channel.ledger.fold import Folded, begin, fold
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord, FindingRecord, NoticeRecord

__all__ = [
    "Agenda",
    "AlertDraft",
    "AlertRecord",
    "Custody",
    "Delivery",
    "End",
    "FindingRecord",
    "Folded",
    "Ledger",
    "Leg",
    "NoticeRecord",
    "Reply",
    "begin",
    "fold",
    "state_digest",
]
