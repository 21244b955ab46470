"""Reading CEB messages beside lxml, which reads XML and checks nothing: `python -m benchmarks.messages`.

The same bytes are read in one run, in turns: `lxml.etree.parse` (the whole tree), `lxml.etree.iterparse` with each body cleared,
our reading with every format and obligation checked and persons as pseudonyms, and our reading up to finished records. Each run
of ours begins with a pseudonym maker that remembers nobody. Afterwards a large file is read in a process of its own, for
its memory.
"""

import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import typer
from lxml import etree
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Contender, facts, interleaved, percentile, write_json
from data.ceb.bodies import Body
from data.ceb.intake import Message
from data.ceb.reader import read_message
from data.ceb.records import _without_persons
from data.ceb.table import NAMESPACE, messages
from data.ceb.writer import write_body, write_message
from data.pseudonyms import Pseudonyms
from data.reading import Reading
from data.times import midnight
from data.values import uscc_check_character

_NOW = midnight(20_600)
_GUID = "4CDE1CFD-EDED-46B1-946C-B8022E42FC94"
_MEGABYTE = 1_000_000
_SURNAMES, _GIVEN = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林", "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超秀霞平刚桂英"
Written = tuple[str, str]
"""A body's text, and the number of its message."""


def main(
    bodies: Annotated[int, typer.Option(help="Bodies in each file.")] = 20_000,
    megabytes: Annotated[int, typer.Option(help="Size of the file whose reading is weighed; 0 leaves it out.")] = 500,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few bodies and rounds: shows that it runs, not how fast.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
    weigh: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Time our reading of orders (311) and lists (621) beside lxml, and weigh the reading of a large file."""
    if weigh is not None:
        _read_in_this_process(weigh)
        return
    count, rounds = (500, 2) if quick else (bodies, 5)
    console = Console(highlight=False)
    figures: dict[str, Any] = {"machine": facts("lxml"), "bodies": count, "rounds": rounds}
    if megabytes:  # first: a process begins with the peak of the one that started it
        figures["memory"] = _weighed(1 if quick else megabytes)
        console.print(
            "{megabytes} MB in {bodies:,} bodies: {peak_megabytes} MB of memory at most".format(**figures["memory"])
        )
    for number in ("311", "621"):
        figures[number] = _timed(number, count, rounds)
        _show(console, number, count, figures[number])
    write_json(json_file, figures)


def _timed(number: str, count: int, rounds: int) -> dict[str, Any]:
    plain = _file(number, count)
    mixed = _file(number, count, faulty=0.02)
    tag = f"{{{NAMESPACE}}}{messages()[number].body}"
    contenders = [
        Contender("lxml parse", lambda raw: etree.parse(BytesIO(raw)), cycle([plain])),
        Contender("lxml iterparse, cleared", lambda raw: _iterparse(raw, tag), cycle([plain])),
        Contender("ours, checked and pseudonymised", _checked, cycle([plain])),
        Contender("ours, records", _records, cycle([plain])),
        Contender("ours, records, 2 % read carefully", _records, cycle([mixed])),
    ]
    interleaved(contenders, rounds, block=1, warm_up=1)
    seconds = {c.name: percentile(c.samples, 0.5) / 1e6 for c in contenders}
    parse, iterparse, checked, records, careful = seconds.values()
    return {
        "megabytes": round(len(plain) / _MEGABYTE, 1), "median_seconds": seconds,
        "ratios": {
            "checked / parse": checked / parse, "records / parse": records / parse,
            "records / iterparse": records / iterparse, "2 % carefully / records": careful / records,
        },
    }  # fmt: skip


def _iterparse(raw: bytes, tag: str) -> int:
    count = 0
    for _, element in etree.iterparse(BytesIO(raw), events=("end",), tag=tag):
        count += 1
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def _reading() -> Reading:
    return Reading(pseudonyms=Pseudonyms("b1", b"an invented key of the benchmarks"), received_at=_NOW)


def _checked(raw: bytes) -> int:
    reading, count = _reading(), 0
    for piece in read_message(BytesIO(raw)):
        if isinstance(piece, Body):
            _without_persons(piece, reading)
            count += 1
    return count


def _records(raw: bytes) -> int:
    return sum(len(row.records) for row in Message(BytesIO(raw), origin="benchmark", reading=_reading()).rows())


def _show(console: Console, number: str, count: int, figures: dict[str, Any]) -> None:
    size = figures["megabytes"]
    table = Table(
        "", "seconds", "MB/s", "bodies/s", title=f"CEB{number}, {count:,} bodies, {size} MB, medians in turns"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for name, seconds in figures["median_seconds"].items():
        table.add_row(name, f"{seconds:.2f}", f"{size / seconds:,.0f}", f"{count / seconds:,.0f}")
    console.print(table)
    console.print(" · ".join(f"{name}: {value:.2f}" for name, value in figures["ratios"].items()))


def _weighed(megabytes: int) -> dict[str, Any]:
    """The most memory that reading a file of some size takes, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.xml"
        bodies = _write_large(path, megabytes * _MEGABYTE)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.messages", "--weigh", str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
    read, peak = map(int, done.stdout.split())
    if read != bodies:
        raise SystemExit(f"{bodies} bodies were written, but {read} read")
    return {"megabytes": megabytes, "bodies": bodies, "peak_megabytes": peak}


def _read_in_this_process(path: Path) -> None:
    with path.open("rb") as stream:
        message = Message(stream, origin=path.name, reading=_reading())
        message.keeps_heads = False
        count = sum(len(row.records) for row in message.rows())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, but on macOS bytes
    print(count, peak // (1_000_000 if sys.platform == "darwin" else 1_000))


def _write_large(path: Path, size: int) -> int:
    empty = write_message(messages()["311"], [], guid=_GUID)
    begin, _, end = empty.rpartition("</")
    block = [body + "\n" for body in _bodies("311", 2_000)]
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(begin)
        while file.tell() < size:
            file.writelines(block)
            count += len(block)
        file.write("</" + end)
    return count


def _file(number: str, count: int, *, faulty: float = 0.0) -> bytes:
    chooser = random.Random(5)
    bodies = (_spoilt(body, chooser) if chooser.random() < faulty else body for body in _bodies(number, count))
    return write_message(messages()[number], bodies, guid=_GUID).encode()


def _spoilt(body: str, chooser: random.Random) -> str:
    """A body that is not read plainly: with a fault, with an entity, or with a comment between its fields."""
    ways: list[Callable[[str], str]] = [
        lambda text: text.replace("<ceb:currency>142<", "<ceb:currency>RMB2<", 1),
        lambda text: text.replace("有限公司", "&amp;有限公司", 1),
        lambda text: text.replace("<ceb:ebpName>", "<!-- platform --><ceb:ebpName>", 1),
    ]
    return chooser.choice(ways)(body)


def _bodies(number: str, count: int) -> Iterator[str]:
    """Realistic bodies: some hundred firms, persons that come again as in a market (Zipf), a note here and there."""
    chooser = random.Random(number)
    firms = [_firm(chooser) for _ in range(300)]
    people = [_person(chooser) for _ in range(max(100, count // 2))]
    weights = [1 / rank for rank in range(1, len(people) + 1)]
    buyers = iter(chooser.choices(people, weights, k=count))
    for place in range(count):
        head, lines = _content(number, place, chooser, firms, next(buyers))
        yield write_body(messages()[number], head, lines)


def _firm(chooser: random.Random) -> tuple[str, str]:
    first = "91" + "".join(chooser.choices("0123456789ABCDEFGH", k=15))
    return first + uscc_check_character(
        first
    ), f"{chooser.choice(_SURNAMES)}{chooser.choice(_GIVEN)}跨境电子商务有限公司"


def _person(chooser: random.Random) -> dict[str, str]:
    return {
        "buyerRegNo": f"u{chooser.randrange(10**9)}",
        "buyerName": chooser.choice(_SURNAMES) + "".join(chooser.choices(_GIVEN, k=2)),
        "buyerTelephone": f"13{chooser.randrange(10**9):09d}", "buyerIdType": "1",
        "buyerIdNumber": f"5105{chooser.randrange(10**14):014d}",
        "address": f"四川省泸州市江阳区酒城大道{chooser.randrange(900)}号{chooser.randrange(30)}栋{chooser.randrange(3000)}室",
    }  # fmt: skip


def _content(
    number: str, place: int, chooser: random.Random, firms: list[tuple[str, str]], buyer: dict[str, str]
) -> tuple[dict[str, str], list[dict[str, str]]]:
    (platform, platform_name), (seller, seller_name), (other, other_name) = chooser.choices(firms, k=3)
    price = f"{chooser.randrange(1, 5000)}.{chooser.randrange(100):02d}"
    day = f"2025{chooser.randint(1, 12):02d}{chooser.randint(1, 28):02d}"
    common = {
        "guid": f"{chooser.getrandbits(32):08X}-0000-4000-8000-{place:012d}", "appType": "1", "appTime": f"{day}101530",
        "appStatus": "2", "orderNo": f"SO{day}{place:08d}", "ebpCode": platform, "ebpName": platform_name, "ebcCode": seller,
        "ebcName": seller_name, "freight": "0", "currency": "142", "buyerName": buyer["buyerName"],
        "buyerTelephone": buyer["buyerTelephone"], "buyerIdType": "1", "buyerIdNumber": buyer["buyerIdNumber"],
        "consigneeAddress": buyer["address"],
    }  # fmt: skip
    line = {
        "gnum": "1", "itemNo": f"SKU{chooser.randrange(9000):06d}", "itemName": "保湿面霜 50ml", "gmodel": "50ml/瓶|保湿|无品牌",
        "unit": "007", "currency": "142", "qty": str(chooser.randint(1, 5)), "price": price, "totalPrice": price,
        "country": "133",
    }  # fmt: skip
    if number == "311":
        order = {
            "orderType": "I", "goodsValue": price, "discount": "0", "taxTotal": "0", "acturalPaid": price,
            "buyerRegNo": buyer["buyerRegNo"], "payCode": other, "payName": other_name, "payTransactionId": f"P{place:020d}",
            "consignee": buyer["buyerName"], "consigneeTelephone": buyer["buyerTelephone"],
        }  # fmt: skip
        return common | order, [line]
    listed = {
        "logisticsNo": f"LP{place:012d}", "logisticsCode": other, "logisticsName": other_name, "copNo": f"C{place:018d}",
        "assureCode": "5105BL00001", "ieFlag": "I", "declTime": day, "customsCode": "7906", "portCode": "7906", "ieDate": day,
        "agentCode": seller, "agentName": seller_name, "tradeMode": "9610", "trafMode": "5", "trafNo": "CA123", "voyageNo": "123",
        "billNo": f"999-{place:08d}", "country": "133", "insuredFee": "0", "packNo": "1", "grossWeight": "0.65",
        "netWeight": "0.5",
    }  # fmt: skip
    goods = {"gcode": "3304990099", "gname": "保湿面霜", "barCode": "6900000000017", "qty1": "0.05", "unit1": "035"}
    lines = [line | goods | {"gnum": str(n)} for n in range(1, chooser.randint(1, 4) + 1)]
    return common | listed, lines


if __name__ == "__main__":
    typer.run(main)
