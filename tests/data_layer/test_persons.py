"""The law of persons: what names one is in no table, no answer and no text, however it was sent; a pseudonym stands for it."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from data.ceb.masking import masked_xml
from data.errors import PseudonymError
from data.importing import import_file
from data.mapping import Mapping, load_mapping
from data.pseudonyms import Pseudonyms, is_pseudonym, normalised
from data.store import Store
from data.store.reference import confirm_key
from data.store.schema import metadata
from data.times import DAY, from_instant, midnight
from tests.ceb import around, made, only
from tests.reading import PSEUDONYMS, reading
from tests.serving_layer.test_cli import Shell

NOW = midnight(20_600)
PERSON = {
    "name": "欧阳翠花", "identity": "510502199001017777", "telephone": "13987654321", "address": "泸州市江阳区酒城大道七号院",
}  # fmt: skip
WESTERN = {
    "name": "Zebediah Quux",
    "identity": "PASSP0RTXQ77",
    "telephone": "+44 7700 900461",
    "address": "9 Elm Road Foobarton",
}
RAW = [*PERSON.values(), *WESTERN.values(), "欧阳", "翠花", "Zebediah", "Quux", "Foobarton"]


def demand_nothing_of(text: bytes | str, where: str) -> None:
    """No raw value of the persons is in a text, as it is or escaped for JSON."""
    blob = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    for value in RAW:
        for form in (
            value,
            json.dumps(value)[1:-1],
            "".join(f"&#{ord(c)};" for c in value),
            "".join(f"&#x{ord(c):x};" for c in value),
        ):
            assert form.encode() not in blob, (where, value)


def demand_clean(store: Store) -> int:
    """No raw value of the persons is in any column of any table. Returns how many cells were looked at."""
    seen = 0
    with store.read() as connection:
        for table in metadata.tables.values():
            for row in connection.execute(select(table)):
                for column, value in zip(table.columns, row, strict=True):
                    if value is not None:
                        demand_nothing_of(
                            value if isinstance(value, bytes) else str(value), f"{table.name}.{column.name}"
                        )
                        seen += 1
    return seen


# --- messages --------------------------------------------------------------------------------------------------------


def _order(person: dict[str, str], **head: str) -> str:
    given = {
        "buyerName": person["name"], "buyerIdNumber": person["identity"], "buyerTelephone": person["telephone"],
        "buyerRegNo": person["telephone"], "consignee": person["name"], "consigneeTelephone": person["telephone"],
        "consigneeAddress": person["address"], "note": f"送给{person['name']} {person['telephone']}", "currency": "142",
    } | head  # fmt: skip
    body = made("311", lines=1, share=0, **given).but_line(1, note=f"给{person['name']}", currency="142")
    return body.written()


def messages() -> dict[str, bytes]:
    """Messages with the persons in every place, good and bad."""
    found: dict[str, bytes] = {}
    for which, person in (("zh", PERSON), ("en", WESTERN)):
        good, name = _order(person), person["name"]
        texts = {
            "good": good,
            "faulty": _order(person, currency="XXX"),
            "code": _order(person, currency="000"),
            "format": good.replace("<ceb:appStatus>", "<ceb:appStatus>9"),
            "too long": _order(person, buyerName=name * 20),
            "misspelt": good.replace("buyerName>", "buyerNames>").replace("buyerIdNumber>", "buyeridnumber>"),
            "numbered": good.replace("buyerName>", "buyerName2>"),
            "malformed": good.replace("</ceb:OrderHead>", ""),
            "ampersand": good.replace("</ceb:buyerName>", " & </ceb:buyerName>"),
            "attribute": good.replace("<ceb:orderNo>", f'<ceb:orderNo a="{name}" b=\'{person["identity"]}\'>'),
            "attribute, malformed": good.replace("<ceb:orderNo>", f'<ceb:orderNo a="x>{name}">'),
            "comment": good.replace("<ceb:orderNo>", f"<!-- {name} {person['identity']} --><ceb:orderNo>"),
            "comment, faulty": _order(person, currency="XXX").replace("<ceb:orderNo>", f"<!-- {name} --><ceb:orderNo>"),
            "cdata": good.replace(f">{name}<", f"><![CDATA[{name}]]><"),
            "cdata, faulty": _order(person, currency="XXX").replace(f">{name}<", f"><![CDATA[{name}]]><"),
            "cdata, unclosed": good.replace("<ceb:orderNo>", "<ceb:orderNo><![CDATA["),
            "entities": _order(person, currency="XXX").replace(f">{name}<", ">" + "".join(f"&#{ord(c)};" for c in name) + "<"),
            "split": _order(person, currency="XXX").replace(f">{name}<", f">{name[:1]}<!-- -->{name[1:]}<"),
            "twice": good.replace("<ceb:buyerIdType>", f"<ceb:buyerName>{name}</ceb:buyerName><ceb:buyerIdType>"),
            "nested": good.replace(f"<ceb:buyerName>{name}", f"<ceb:buyerName><ceb:b>{name}</ceb:b>"),
            "stray": good + f"{name} {person['identity']}" + good,
            "element": good + f"<ceb:Person>{name}</ceb:Person>",
            "foreign": good.replace("<ceb:buyerName>", '<o:b xmlns:o="urn:o">').replace("</ceb:buyerName>", "</o:b>"),
            "truncated": good[: good.index("</ceb:consigneeAddress>")],
            "extra": good + f"<ceb:BaseTransfer><ceb:copCode>{person['identity']}</ceb:copCode><ceb:copName>{name}</ceb:copName>"
                     f"<ceb:dxpId>{person['telephone']}</ceb:dxpId><ceb:note>{name}</ceb:note></ceb:BaseTransfer>",
            "extension": good + f"<ceb:ExtendMessage><ceb:Message>{name}</ceb:Message></ceb:ExtendMessage>",
        }  # fmt: skip
        found |= {f"{which} {sort}": around(text) for sort, text in texts.items()}
        found[f"{which} root"] = around(good).replace(b'guid="4CDE1CFD', f'guid="{person["identity"]}'.encode(), 1)
        found[f"{which} after"] = around(good) + f"<!-- x -->{name}".encode()
        found[f"{which} doctype"] = around(good).replace(
            b"<ceb:CEB", f'<!DOCTYPE a [<!ENTITY b "{name}">]><ceb:CEB'.encode(), 1
        )
        found[f"{which} no xml"] = f"{name},{person['identity']},{person['telephone']},{person['address']}".encode()
        found[f"{which} gbk"] = (
            around(_order(person, currency="XXX")).replace(b"UTF-8", b"GBK").decode().encode("gb18030")
        )
        for number in ("411", "511", "621", "623", "625"):
            spec = made(number).spec
            personal = {f.name: person.get(f.personal, person["name"]) for f in spec.head.fields if f.personal}
            for sort, wrong in (("good", {}), ("faulty", {"appStatus": "7"})):
                body = made(number, share=0, **personal | wrong)
                found[f"{which} {number} {sort}"] = body.message()
    return found


MESSAGES = messages()


@pytest.mark.parametrize("sort", MESSAGES)
def test_messages(store_of_all: Store, tmp_path: Path, sort: str) -> None:
    path = tmp_path / "message.xml"
    path.write_bytes(MESSAGES[sort])
    tally = import_file(store_of_all, path, None, reading=reading(NOW))
    assert tally.received == tally.accepted + tally.duplicate + tally.rejected
    demand_nothing_of(str(tally.refusals), sort)
    assert demand_clean(store_of_all) > 0


@pytest.fixture
def store_of_all(tmp_path: Path) -> Any:
    """One store; SQLite is enough here, since no database makes text of its own."""
    from data.store import open_store

    opened = open_store(f"sqlite:///{tmp_path / 'persons.db'}")
    yield opened
    opened.close()


def test_what_was_kept_of_a_refused_body_has_pseudonyms_in_its_places() -> None:
    text = _order(PERSON, currency="XXX")
    kept = only(around(masked_xml(text, PSEUDONYMS))).head
    assert kept["buyerName"] == PSEUDONYMS.of("name", PERSON["name"])
    assert kept["buyerIdNumber"] == PSEUDONYMS.of("identity", PERSON["identity"])
    assert kept["currency"] == "XXX"
    written = text.replace(">欧阳翠花<", "><![CDATA[欧阳]]>&#32736;&#x82b1;<").replace(
        "510502199001017777", " 5&#49;0502199001017777 "
    )
    other = only(around(masked_xml(written.replace("<![CDATA[欧阳]]>", "欧阳"), PSEUDONYMS))).head
    assert other["buyerName"] == kept["buyerName"]
    assert other["buyerIdNumber"] == kept["buyerIdNumber"]
    assert "note" not in kept or not re.search("欧阳", kept["note"])


# --- JSON, JSON lines and CSV ----------------------------------------------------------------------------------------


def _raw_order(person: dict[str, str], **payload: Any) -> dict[str, Any]:
    facts = {
        "order_no": "SO1", "enterprise": "91510500MA6200001K", "platform": "91510500MA6200001K", "total_fen": 100,
        "goods_value_fen": 100, "buyer": person["identity"], "buyer_name": person["name"], "buyer_telephone": person["telephone"],
        "consignee": person["name"], "consignee_telephone": person["telephone"], "consignee_address": person["address"],
    }  # fmt: skip
    return {
        "kind": "order", "guid": "o-1", "source": "shop", "event_at": from_instant(NOW - DAY).isoformat(),
        "payload": facts | payload,
    }  # fmt: skip


def json_records() -> dict[str, Any]:
    """Records with the persons in every place, good and bad."""
    found: dict[str, Any] = {}
    for which, person in (("zh", PERSON), ("en", WESTERN)):
        name, identity = person["name"], person["identity"]
        good = _raw_order(person)
        line = {"number": 1, "quantity_e5": 100_000}
        cases = {
            "good": good | {"guid": f"good-{which}"},
            "faulty": _raw_order(person, total_fen=-1),
            "unknown field": _raw_order(person, buyerName=name, remark=identity),
            "unknown key": _raw_order(person, **{name: 1, identity: 2}),
            "wrong kind": good | {"kind": "waybill"},
            "no kind": {k: v for k, v in good.items() if k != "kind"},
            "unknown kind": good | {"kind": "person"},
            "number": _raw_order(person, buyer=int(PERSON["identity"]), buyer_telephone=int(PERSON["telephone"])),
            "list": _raw_order(person, buyer=[identity, [name]], buyer_name={"name": name}),
            "lines": _raw_order(person, lines=[line | {"buyer_name": name, "note": {"x": identity}}]),
            "lines of text": _raw_order(person, lines=[name, {name: name}]),
            "lines as text, map": _raw_order(person, lines={"a": name}),
            "traits": {"kind": "declaration", "payload": {"traits": {"x": {"y": name}, name: "1", "z": [identity]}}},
            "parents": {"kind": "identity", "payload": {"parent_enterprises": [[name]], "legal_person": identity, "shareholders": [name]}},
            "top level": good | {"buyer_name": name, name: identity},
            "payload list": good | {"payload": [name, identity]},
            "payload text": good | {"payload": f"{name} {identity}"},
            "nothing": good | {"payload": None, "buyer": name},
            "facts": {
                "kind": "supervision", "guid": "s", "source": "x", "event_at": good["event_at"],
                "payload": {"event": "inspection", "enterprise": "91510500MA6200001K", "declaration_no": "1", "finding": "hit",
                            "facts": {"buyer": identity, "buyer_name": name, "consignee_address": person["address"], "x": name}},
            },
            "event": good | {"event_at": {"a": name}},
        }  # fmt: skip
        found |= {f"{which} {sort}": raw for sort, raw in cases.items()}
    return found


RECORDS = json_records()


def broken_lines() -> list[bytes]:
    """Lines that are not JSON, with the persons in them."""
    lines = []
    for person in (PERSON, WESTERN):
        text = json.dumps(_raw_order(person), ensure_ascii=False)
        lines += [
            text[:-1],
            text[: len(text) // 2],
            text.replace(":", "", 1),
            f'"{person["name"]}"',
            person["name"],
            f"[{text}]",
        ]
        lines += [text.replace('"buyer_name": "', '"buyer_name": "\\x'), text.replace('"SO1"', "01"), text + text]
    deep = "[" * 300 + json.dumps(PERSON["name"]) + "]" * 300
    escaped = json.dumps(_raw_order(PERSON, order_no="\ud800", remark=PERSON["name"]))
    return [line.encode() for line in (*lines, deep, escaped)] + [_raw_bytes()]


def _raw_bytes() -> bytes:
    return json.dumps(_raw_order(PERSON), ensure_ascii=False).encode().replace("欧".encode(), b"\xff", 1)


def test_json_lines(store_of_all: Store, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    lines = [
        json.dumps(raw, ensure_ascii=bool(n % 2)).encode() for n, raw in enumerate(RECORDS.values())
    ] + broken_lines()
    path.write_bytes(b"\n".join(lines))
    tally = import_file(store_of_all, path, None, reading=reading(NOW))
    assert (tally.received, tally.rejected) == (len(lines), len(lines) - tally.accepted)
    assert tally.accepted >= 2
    demand_nothing_of(str(tally.refusals), "refusals")
    demand_clean(store_of_all)


MAPPING = {
    "name": "shop", "title": "Orders of a shop", "source": "shop",
    "columns": ["no", "date", "value", "buyer", "buyer name", "phone", "to", "goods"], "ignore": ["remark"],
    "records": [{
        "kind": "order", "guid": "shop-{no}", "event_at": {"column": "date", "format": "%Y-%m-%d"},
        "fields": {
            "order_no": "no", "enterprise": {"const": "91510500MA6200001K"}, "platform": {"const": "91510500MA6200001K"},
            "total_fen": {"column": "value", "scale": 100}, "goods_value_fen": {"column": "value", "scale": 100},
            "buyer": "buyer", "buyer_name": "buyer name", "buyer_telephone": "phone", "consignee_address": "to", "payment_no": "goods",
        },
    }],
}  # fmt: skip
COLUMNS = [*MAPPING["columns"], *MAPPING["ignore"]]  # type: ignore[misc]


def _cells(number: int, person: dict[str, str], **changes: str) -> list[str]:
    row = {
        "no": str(number), "date": "2026-04-01", "value": "12.5", "buyer": person["identity"], "buyer name": person["name"],
        "phone": person["telephone"], "to": person["address"], "goods": "G1", "remark": f"{person['name']} 收",
    } | changes  # fmt: skip
    return [row[column] for column in COLUMNS]


def shop_rows() -> list[str]:
    """Rows of a shop: good, faulty, miscounted, not UTF-8, with an open quote."""
    rows = []
    for number, person in enumerate((PERSON, WESTERN)):
        name = person["name"]
        rows += [
            ",".join(_cells(10 * number, person)), ",".join(_cells(10 * number + 1, person, value="cheap")),
            ",".join(_cells(10 * number + 2, person, date="someday")), ",".join(_cells(10 * number + 3, person))[:-4] + ",x,y",
            ",".join(_cells(10 * number + 4, person)[:5]), ",".join(_cells(10 * number + 5, person, goods="b\udcff")),
            ",".join(_cells(10 * number + 6, person, to=name * 300)), ",".join(_cells(0, person, value="99")),
        ]  # fmt: skip
    return [*rows, ",".join(_cells(99, PERSON, remark='"open'))]


def shop_mapping(folder: Path) -> Mapping:
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    return load_mapping(str(path))


def test_columns_by_a_mapping(store_of_all: Store, tmp_path: Path) -> None:
    mapping = shop_mapping(tmp_path)
    path = tmp_path / "shop.csv"
    path.write_bytes("\n".join([",".join(COLUMNS), *shop_rows()]).encode("utf-8", "surrogateescape"))
    tally = import_file(store_of_all, path, mapping, reading=reading(NOW))
    assert (tally.received, tally.accepted, tally.duplicate) == (17, 3, 0)
    demand_nothing_of(str(tally.refusals), "refusals")
    demand_clean(store_of_all)
    lines = [dict(zip(COLUMNS, _cells(50 + n, PERSON), strict=True)) for n in range(6)]
    lines[1][PERSON["name"]] = "1"
    lines[2]["buyer name"] = [PERSON["name"]]  # type: ignore[assignment]
    lines[3]["remark"] = {PERSON["name"]: PERSON["identity"]}  # type: ignore[assignment]
    lines[4]["value"] = "x"
    del lines[5]["goods"]
    own = tmp_path / "shop.jsonl"
    own.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    tally = import_file(store_of_all, own, mapping, reading=reading(NOW))
    assert tally.received == 6
    demand_nothing_of(str(tally.refusals), "refusals")
    demand_clean(store_of_all)


def test_a_facts_column_is_personal_too() -> None:
    fields = {
        "event": {"const": "inspection"}, "enterprise": "no", "declaration_no": "no", "finding": {"const": "hit"}, "facts.buyer": "buyer",
    }  # fmt: skip
    record = {
        "kind": "supervision",
        "guid": "{no}",
        "event_at": {"column": "date", "format": "%Y-%m-%d"},
        "fields": fields,
    }
    mapping = Mapping.model_validate(MAPPING | {"records": [record]})
    assert mapping.personal_columns == {"buyer": "identity"}


def test_the_command_line_says_nothing_of_persons(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shop_mapping(tmp_path)
    headless = "\n".join(shop_rows()[:3])
    (tmp_path / "shop.csv").write_bytes("\n".join([",".join(COLUMNS), *shop_rows()]).encode("utf-8", "surrogateescape"))
    (tmp_path / "headless.csv").write_bytes(headless.encode())
    lines = [json.dumps(raw, ensure_ascii=False).encode() for raw in RECORDS.values()] + broken_lines()
    (tmp_path / "records.jsonl").write_bytes(b"\n".join(lines))
    folder = tmp_path / "messages"
    folder.mkdir()
    for number, raw in enumerate(MESSAGES.values()):
        (folder / f"{number}.xml").write_bytes(raw)
    outcomes = shell.batch(
        ["import", "records.jsonl", "--json"], ["import", "records.jsonl"], ["import", "messages", "--json"], ["import", "messages"],
        ["import", "shop.csv", "--mapping", "shop.yaml", "--json"], ["import", "shop.csv", "--mapping", "shop.yaml"],
        ["import", "headless.csv", "--mapping", "shop.yaml"], ["import", "shop.csv"], ["quarantine", "list", "--json", "--limit", "999"],
        ["quarantine", "list"],
    )  # fmt: skip
    for outcome in outcomes:
        assert outcome.code != "Traceback"
        assert "Traceback" not in outcome.err
        demand_nothing_of(outcome.out + outcome.err, "command line")
    assert "unknown column" in outcomes[6].err
    assert outcomes[4].json()["accepted"] == 3
    from data.store import open_store

    store = open_store(f"sqlite:///{tmp_path / 'var' / 'a.db'}")
    assert demand_clean(store) > 1_000
    store.close()


# --- pseudonyms ------------------------------------------------------------------------------------------------------

SAME = {
    "telephone": ["13987654321", "+86 139 8765 4321", "0086-13987654321", "8613987654321", "１３９８７６５４３２１", "139-8765-4321", "(+86)13987654321"],
    "identity": ["51050219900101123X", "51050219900101123x", " 510502 19900101 123X ", "５１０５０２１９９００１０１１２３Ｘ", "510502-19900101-123x"],
    "name": ["欧阳翠花", " 欧阳翠花 ", "欧阳 翠花", "欧阳　翠花"],
    "address": ["泸州市江阳区1号", "泸州市 江阳区 1号", "泸州市江阳区１号"],
}  # fmt: skip


@pytest.mark.parametrize("domain", SAME)
def test_one_person_in_different_writings_has_one_pseudonym(domain: Any) -> None:
    assert {PSEUDONYMS.of(domain, value) for value in SAME[domain]} == {PSEUDONYMS.of(domain, SAME[domain][0])}
    assert (
        PSEUDONYMS.of("name", "Zebediah  QUUX")
        == PSEUDONYMS.of("name", "zebediah quux")
        != PSEUDONYMS.of("name", "zebediahquux")
    )
    assert normalised("name", "Li Na 李 娜") == "LI NA 李娜"


def test_keys_and_domains_keep_pseudonyms_apart() -> None:
    other = Pseudonyms("t2", b"another invented key of tests")
    same_id = Pseudonyms("t1", b"another invented key of tests")
    found = {maker.of(domain, "510502199001017777") for maker in (PSEUDONYMS, other, same_id) for domain in SAME}  # type: ignore[arg-type]
    assert len(found) == 3 * len(SAME)
    assert all(map(is_pseudonym, found))
    for secret, key_id in (
        (b"short", "k1"),
        (b"x" * 16, "K1"),
        (b"x" * 16, ""),
        (b"x" * 16, "k" * 17),
        (b"x" * 16, "k~"),
    ):
        with pytest.raises(PseudonymError):
            Pseudonyms(key_id, secret)
    assert "invented" not in repr(PSEUDONYMS)


def test_what_looks_like_a_pseudonym_is_one_only_where_that_is_trusted() -> None:
    own = PSEUDONYMS.of("name", "欧阳翠花")
    from dataclasses import replace

    raw = _raw_order(PERSON, buyer_name=own)
    assert reading(NOW).record(raw).payload["buyer_name"] == PSEUDONYMS.of("name", own) != own
    assert replace(reading(NOW), trusted=True).record(raw).payload["buyer_name"] == own
    text = made("311", buyerName=own).written()
    assert own not in masked_xml(text, PSEUDONYMS)
    assert own in masked_xml(text, PSEUDONYMS, trusted=True)


def test_another_secret_under_a_known_key_is_refused(store: Store) -> None:
    with store.write() as connection:
        confirm_key(connection, PSEUDONYMS, at=NOW)
        confirm_key(connection, PSEUDONYMS, at=NOW + DAY)
        confirm_key(connection, Pseudonyms("t2", b"another invented key of tests"), at=NOW)
        with pytest.raises(PseudonymError, match="another secret"):
            confirm_key(connection, Pseudonyms("t1", b"another invented key of tests"), at=NOW)


def test_random_texts_of_persons_leave_no_trace_in_what_quarantine_keeps() -> None:
    chooser = random.Random(3)
    for sort, raw in MESSAGES.items():
        text = raw.decode("gb18030" if "gbk" in sort else "utf-8")
        for _ in range(6):
            begin = chooser.randrange(len(text))
            demand_nothing_of(masked_xml(text[begin : begin + chooser.randrange(3000)], PSEUDONYMS), sort)
