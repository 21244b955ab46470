"""Enterprises of every role: codes and names; and the service firms that e-commerce firms work with."""

from dataclasses import dataclass

import numpy as np

from data.simulator.draws import Bools, Ints, Texts, generator, texts
from data.simulator.parameters import Parameters
from data.times import DAY
from data.values import uscc_check_character

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_FIRST = "川泸江酒龙长盛远恒宏锦嘉汇通瑞安泰华新天"
_SECOND = "航达源丰盈联创优品信诚运捷博凯腾翔睿邦和"
_DISTRICT_CODES = ("510502", "510503", "510504", "510521", "510522", "510524", "510525")
_ROLE_LETTERS = {"ecommerce": "A", "platform": "P", "payment": "F", "logistics": "L", "agent": "G", "warehouse": "W"}


@dataclass(frozen=True, slots=True)
class Services:
    """Enterprises of one role. All arrays: shape (enterprises,). `is_complicit` is hidden."""

    role: str
    code: Texts
    name: Texts
    registered_at: Ints
    is_complicit: Bools


def enterprise_codes(parameters: Parameters, role: str, count: int) -> Texts:
    """Unified social credit codes (GB 32100) of enterprises registered in Luzhou, all different.

    The first eight characters are digits: 91 (enterprise) and the district's code; the organisation's nine
    characters begin with M and a letter of the role, which keeps roles apart.
    """
    rng = generator(parameters.seed, f"codes {role}")
    base = len(_ALPHABET)
    # A stride without a common factor with the base visits every number once.
    numbers = (rng.integers(base**7) + np.arange(count) * (base**4 + 12)) % base**7
    digits = numbers[:, None] // base ** np.arange(7) % base
    districts = rng.choice(_DISTRICT_CODES, size=count)
    codes = []
    for district, row in zip(districts.tolist(), digits.tolist(), strict=True):
        first_17 = f"91{district}M{_ROLE_LETTERS[role]}" + "".join(_ALPHABET[i] for i in row)
        codes.append(first_17 + uscc_check_character(first_17))
    return texts(codes)


def enterprise_names(parameters: Parameters, role: str, suffix: str, count: int) -> Texts:
    """Names of enterprises, no two alike: invented, and none is a person's."""
    rng = generator(parameters.seed, f"names {role}")
    pairs = rng.permutation(len(_FIRST) * len(_SECOND))
    return texts(
        [
            f"泸州{_FIRST[p // len(_SECOND)]}{_SECOND[p % len(_SECOND)]}{'' if turn == 0 else turn + 1}{suffix}"
            for turn, p in ((i // len(pairs), int(pairs[i % len(pairs)])) for i in range(count))
        ]
    )


def services_of(parameters: Parameters) -> dict[str, Services]:
    """All service firms by role."""
    counts = parameters.services
    wanted = (
        ("platform", "电子商务平台有限公司", counts.platforms),
        ("agent", "报关服务有限公司", counts.agents),
        ("logistics", "国际物流有限公司", counts.logistics),
        ("payment", "支付科技有限公司", counts.payments),
        ("warehouse", "保税仓储有限公司", counts.warehouses),
    )
    complicit = {"agent": counts.complicit_agents, "platform": counts.shell_platforms}
    result = {}
    for role, suffix, count in wanted:
        rng = generator(parameters.seed, f"services {role}")
        is_complicit = np.zeros(count, dtype=bool)
        if role in complicit:
            is_complicit[rng.permutation(count)[: complicit[role]]] = True
        result[role] = Services(
            role=role,
            code=enterprise_codes(parameters, role, count),
            name=enterprise_names(parameters, role, suffix, count),
            registered_at=parameters.start - rng.integers(400, 4000, size=count) * DAY,
            is_complicit=is_complicit,
        )
    return result
