"""Every limit, with its unit in the name and its reason beside it. Charters may lower some; none may be raised."""

from __future__ import annotations

TOKEN_BYTES_MAX = 32 * 1024  # one statement in one frame item; about 900 vertices
FRAME_BYTES_MAX = 256 * 1024  # one MQTT payload, well under the broker's max_payload of 1 MiB
FRAME_PAD_BYTES = 2048  # down frames are padded to a multiple of this, so that length tells little
FRAME_ITEMS_MAX = 512  # items in one frame: bounds the work one frame can cause
SEALED_BYTES_MAX = 64 * 1024  # a JWE: a token in base64url and 16 recipients take 47 KiB; a frame carries it
JSON_DEPTH_MAX = 16  # the deepest statement needs 8
TEXT_CHARS_MAX = 4000  # a notice is read by a person on watch
NAME_CHARS_MAX = 80  # names, contacts, roles: one line on a screen
REASON_CHARS_MAX = 500  # reasons of answers, acknowledgements, revocations
ADDRESSEES_MAX = 16  # `to` and `info` together
VOLUMES_MAX = 16  # volumes in a notice
VERTICES_MAX = 900  # vertices in a statement; what fits in a token
ELEMENTS_MAX = 32  # phrasebook elements in a notice
PARTIES_MAX = 16  # parties in a charter: what fits in its token
KEYS_MAX = 16  # keys of one party in the charter
NET_KEYS_MAX = 1_792  # keys of all parties over the life of a net: each bundle holds them and their withdrawals
RADIUS_M_MAX = 200_000  # a circle wider than this is not a place
ALTITUDE_M_MAX = 30_000
ALTITUDE_M_MIN = -500
WINDOW_MS_MAX = 366 * 86_400_000  # a volume's time window; lines and sites last for months
FUTURE_MS_MAX = 366 * 86_400_000  # how far ahead of `issued` a window may begin
ISSUED_AHEAD_MS_MAX = 10 * 60_000  # `issued` this far ahead of the relay's stamp is refused; behind is only stale
SEQ_MAX = 2**53 - 1
HELD_STATEMENTS_MAX = 100  # statements of one party that wait for a notice not yet known
HELD_MS_MAX = 10 * 60_000  # how long they wait
RESEND_MS = 5_000  # outbox and feed are sent again after this long without progress
HEARTBEAT_MS = 10_000
SILENT_MS = 30_000  # no heartbeat (client) or no frame (relay) for this long is an alarm
STEP_MS_MAX = 2_000  # a larger step of the wall clock waits for the operator's command
WANTED_BODIES_MAX = 16  # bodies asked for at a time; the answer is one frame
WARN_M_MIN = 10_000  # a warn area of a sealed notice is no finer, so that it does not give the place away
FINDINGS_PER_NOTICE_MAX = 16  # findings of one notice with those of one other party before it: no flood hides another
BUNDLE_BYTES_MAX = (
    16 * 1024 * 1024
)  # an evidence bundle: what a mail carries, and some hundred of the largest statements
BUNDLE_ROWS_MAX = 4_096  # leaves in a bundle: twice `NET_KEYS_MAX`, the charter, accessions, and 495 about the notice
PROVE_INDEXES_MAX = 200  # leaves in one request for proofs: the answer is one frame
COMPARED_TREES_MAX = 64  # trees in one comparison: the oldest and the newest that each party names
RETURNED_LEAVES_MAX = 256  # leaves handed back in one frame, as many as fit
HEARING_LINKS_MS = 10_000  # before a starting relay writes, for its links to come up: without them nobody is heard
HEARING_MS = 3_000  # before a starting relay writes, for the parties to say which trees they hold
QUEUE_FRAMES_MAX = 1_000  # frames waiting in the relay per party; beyond it the link is not acknowledged
BATCH_ITEMS_PER_PARTY_MAX = 16  # items of one party's frames in one commit group: one party's flood delays no other's
