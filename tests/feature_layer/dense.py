"""Dense histories: many records of few keys that still hold when questions are asked, at the very edges of their intervals.

`histories` spreads its records over months, so that a question seldom finds more than one; here most find several.
"""

from hypothesis import strategies as st

from data.records import Record, Version, make_record
from data.times import DAY, HOUR, OPEN
from features.observations import observe, plan_of
from features.questions import Question
from features.views import view_of
from tests.feature_layer.histories import OPERATORS, START, payloads

_FACTS = {"hs_code": "8517120000", "origin": "JP", "net_mass_g": 700}
"""Of most declarations, so that several speak of the same goods."""
_DECLARATIONS = st.builds(
    lambda value, buyer: ("declaration", _FACTS | {"declaration_no": "n", "declared_value_fen": value, "buyer": buyer}),
    value=st.sampled_from([0, 1, 500, 120_000]), buyer=st.sampled_from(["b1", "b2", "b3"]),
)  # fmt: skip
_HITS = st.builds(
    lambda duty: (
        "supervision", {"event": "inspection", "finding": "hit", "duty_recovered_fen": duty, "facts": _FACTS},
    ),
    duty=st.sampled_from([0, 7]),
)  # fmt: skip
_PAYLOADS = st.one_of(_DECLARATIONS, _DECLARATIONS, _HITS)
_PLAN = plan_of(OPERATORS.measures)


@st.composite
def records(draw: st.DrawFn, most: int = 12) -> list[Record]:
    """Records in the order in which they became known: new ones, corrections, deletions, repairs."""
    found: list[Record] = []
    alive: dict[str, tuple[str, dict]] = {}
    now = START
    for number in range(draw(st.integers(most // 3, most))):
        now += draw(st.sampled_from([0, 1, HOUR, HOUR, 2 * HOUR, 9 * HOUR]))
        action = draw(st.sampled_from(["new", "new", "new", "change", "delete", "repair"])) if alive else "new"
        if action == "new":
            guid, (kind, payload) = f"g{number}", draw(_PAYLOADS if number % 3 else payloads(number))
            payload = payload | {"enterprise": draw(st.sampled_from(["f1", "f1", "f1", "f2"]))}
        else:
            guid = draw(st.sampled_from(sorted(alive)))
            kind, payload = alive.pop(guid)
            payload = payload | {"enterprise": draw(st.sampled_from(["f1", "f2"]))} if action == "change" else {}
        if action in ("new", "change"):
            alive[guid] = (kind, payload)
        found.append(
            make_record(
                kind=kind, guid=guid, source="s", action=action, known_at=now, payload=payload,
                event_at=now - draw(st.sampled_from([0, 0, 1, HOUR, DAY, -HOUR])),
                usable_until=draw(st.sampled_from([OPEN, OPEN, OPEN, now + DAY, START + 3 * DAY])),
            )
        )  # fmt: skip
    return found


@st.composite
def dense(draw: st.DrawFn, most: int = 12) -> tuple[list[Version], list[Question]]:
    """Versions, and questions at and around the moments at which something begins or ends to count."""
    versions = versions_of(draw(records(most)))
    seen = [observation for v in versions for observation in observe(_PLAN, v.record, v.ended_at)]
    edges = sorted({at for observation in seen for at in (observation.start, observation.end) if at < OPEN})
    moments = [v.record.known_at + shift for v in versions for shift in (1, 2 * HOUR)]
    facts = [
        view_of("declaration", {"declaration_no": "q", "enterprise": firm, "declared_value_fen": 500, **_FACTS})
        for firm in ("f1", "f2")
    ]
    asked = draw(
        st.lists(
            st.tuples(st.sampled_from(edges[len(edges) // 3 :] or moments), st.sampled_from(moments[len(moments) // 2 :]), st.booleans(), st.sampled_from([-1, 0, 1])),
            min_size=1, max_size=4,
        )
    )  # fmt: skip
    return versions, [
        Question((edge if at_edge else moment) + shift, facts[number % 4 == 3])
        for number, (edge, moment, at_edge, shift) in enumerate(asked)
    ]


def versions_of(records: list[Record]) -> list[Version]:
    """The versions that a store would hold, each with the moment at which its next one became known."""
    following = [
        next((later.known_at for later in records[place + 1 :] if later.guid == record.guid), OPEN)
        for place, record in enumerate(records)
    ]
    return [Version(seq, *pair) for seq, pair in enumerate(zip(records, following, strict=True), start=1)]
