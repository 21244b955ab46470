"""The loops of the batch engine, compiled: one pass over a key's observations serves all its questions and windows.

All functions take observations grouped by key, within a key in the order of their start, and questions grouped by the same
keys, within a key in the order of time. An observation counts at `t` for a window where `start < t < closed` and
`event_at >= opens(t) - reach`: `opens` is when the day or hour of the question began, `reach` how far the window goes back
before it. An event is never later than its start. Everything is integers: the order of additions changes nothing.

So an observation counts for consecutive questions of its key, whatever the window: from the first one after its start to the
first one that it is closed for or whose window begins after its event. All that follows rests on this.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Integers = NDArray[np.int64]
_compiled = njit(nogil=True, cache=True)


@_compiled
def is_arranged(code: NDArray[np.int32], start: Integers) -> bool:
    """Whether rows are in the order of key and start."""
    for i in range(1, len(code)):
        if code[i] < code[i - 1] or (code[i] == code[i - 1] and start[i] < start[i - 1]):
            return False
    return True


@_compiled
def grouped(code: NDArray[np.int32], by_start: Integers, keys: int) -> tuple[Integers, Integers]:
    """The order of rows by key, keeping a given order within each, and where each key begins (keys + 1 places)."""
    offsets = np.zeros(keys + 1, dtype=np.int64)
    for i in range(len(code)):
        offsets[code[i] + 1] += 1
    for k in range(keys):
        offsets[k + 1] += offsets[k]
    place = offsets[:-1].copy()
    order = np.empty(len(code), dtype=np.int64)
    for i in by_start:
        order[place[code[i]]] = i
        place[code[i]] += 1
    return order, offsets


@_compiled
def _first(values: Integers, low: int, high: int, wanted: int) -> int:
    """The first place in [low, high) whose value is at least the wanted one, else `high`. Near `low` it is found soonest."""
    step = 1
    while low + step <= high and values[low + step - 1] < wanted:
        low += step
        step *= 2
    high = min(high, low + step - 1)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@_compiled
def others(
    offsets: Integers, start: Integers, event_at: Integers, closed: Integers, never: int
) -> tuple[NDArray[np.bool_], Integers, Integers]:
    """Which observations are plain: those that happened when they began to count and that nothing closes.

    Returns:
        Which are, shape (n,); the places of the others; where each key's others begin, shape (k + 1,).
    """
    plain = np.empty(len(start), dtype=np.bool_)
    count = 0
    for i in range(len(start)):
        plain[i] = closed[i] >= never and event_at[i] == start[i]
        count += not plain[i]
    places = np.empty(count, dtype=np.int64)
    begins = np.empty(len(offsets), dtype=np.int64)
    count = 0
    for k in range(len(offsets) - 1):
        begins[k] = count
        for i in range(offsets[k], offsets[k + 1]):
            if not plain[i]:
                places[count] = i
                count += 1
    begins[len(offsets) - 1] = count
    return plain, places, begins


@_compiled
def edges(
    offsets: Integers, start: Integers, asked: Integers, at: Integers, opens: Integers, reach: Integers
) -> Integers:
    """Between which places lie the observations that started before a question and since its windows began.

    Arguments:
        offsets: where each key's observations begin, shape (k + 1,).
        start: of observations, shape (n,).
        asked: where each key's questions begin, shape (k + 1,).
        at, opens: of questions, shape (q,).
        reach: of windows, shape (w,).
    Returns:
        Shape (q, w + 2): the first place of each window, the first of all, and the first place that is too late.
    """
    w = len(reach)
    result = np.empty((len(at), w + 2), dtype=np.int64)
    for k in range(len(offsets) - 1):
        for q in range(asked[k], asked[k + 1]):
            before = q - 1 if q > asked[k] else -1
            for x in range(w):
                low = offsets[k] if before < 0 else result[before, x]
                result[q, x] = _first(start, low, offsets[k + 1], opens[q] - reach[x])
            low = offsets[k] if before < 0 else result[before, w + 1]
            result[q, w] = offsets[k]
            result[q, w + 1] = _first(start, low, offsets[k + 1], at[q])
    return result


@_compiled
def plain_sums(
    offsets: Integers, value: Integers, power: int, plain: NDArray[np.bool_], asked: Integers, edges: Integers
) -> Integers:  # fmt: skip
    """Sums of a power (0: the count, 1, 2) of a value over plain observations, shape (q, w + 1): the last without a window.

    Arguments:
        value, plain: of observations, shape (n,).
        edges: see there.
    """
    last = edges.shape[1] - 1
    result = np.empty((len(edges), last), dtype=np.int64)
    longest = 0
    for k in range(len(offsets) - 1):
        longest = max(longest, offsets[k + 1] - offsets[k])
    before = np.zeros(longest + 1, dtype=np.int64)  # the sum of a key's observations before each
    for k in range(len(offsets) - 1):
        if asked[k] == asked[k + 1]:
            continue
        begin, end = offsets[k], edges[asked[k + 1] - 1, last]
        total = 0
        if power == 0:
            for i in range(begin, end):
                total += plain[i]
                before[i + 1 - begin] = total
        elif power == 1:
            for i in range(begin, end):
                total += value[i] * plain[i]
                before[i + 1 - begin] = total
        else:
            for i in range(begin, end):
                total += value[i] * value[i] * plain[i]
                before[i + 1 - begin] = total
        for q in range(asked[k], asked[k + 1]):
            for x in range(last):
                result[q, x] = before[edges[q, last] - begin] - before[edges[q, x] - begin]
    return result


@_compiled
def window_sums(
    offsets: Integers, start: Integers, event_at: Integers, closed: Integers, values: Integers,
    asked: Integers, at: Integers, opens: Integers, reach: Integers, never: int,
) -> Integers:  # fmt: skip
    """Sums of m values for each question and window, shape (m, w + 1, q): the last window is none.

    Each observation is added at the first question that it counts for and taken off at the first after the last; the running
    sums over the questions are the answers.

    Arguments:
        offsets: where each key's observations begin, shape (k + 1,).
        start, event_at, closed: of observations, shape (n,).
        values: shape (n, m).
        asked: where each key's questions begin, shape (k + 1,).
        at, opens: of questions, shape (q,).
        reach: of windows, from the shortest, shape (w,).
        never: what `closed` is where nothing closes.
    """
    w, m = len(reach), values.shape[1]
    result = np.zeros((m, w + 1, len(at)), dtype=np.int64)
    for k in range(len(offsets) - 1):
        first, stop = asked[k], asked[k + 1]
        for i in range(offsets[k], offsets[k + 1]):
            first = _first(at, first, stop, start[i] + 1)
            if first == stop:
                break
            shut = stop if closed[i] >= never else _first(at, first, stop, closed[i])
            end = first
            for x in range(w + 1):
                end = shut if x == w else min(shut, _first(opens, end, stop, event_at[i] + reach[x] + 1))
                if end > first:
                    for v in range(m):
                        result[v, x, first] += values[i, v]
                        if end < stop:
                            result[v, x, end] -= values[i, v]
        _run(result, asked[k], stop)
    return result


@_compiled
def _run(changes: Integers, begin: int, end: int) -> None:
    """Changes between questions into running sums, in place, along the last axis."""
    for v in range(changes.shape[0]):
        for x in range(changes.shape[1]):
            for q in range(begin + 1, end):
                changes[v, x, q] += changes[v, x, q - 1]


@_compiled
def window_distinct(
    offsets: Integers, start: Integers, event_at: Integers, closed: Integers, code: NDArray[np.int32], codes: int,
    asked: Integers, at: Integers, opens: Integers, reach: Integers, never: int,
) -> Integers:  # fmt: skip
    """How many different codes count, shape (w + 1, q). Arguments as in `window_sums`; a code of -1 is none.

    The questions that a code counts for are those of all its observations together. Observations come in the order of the
    first question that they count for, so that it suffices to know up to which question a code counts already.
    """
    w = len(reach)
    result = np.zeros((1, w + 1, len(at)), dtype=np.int64)
    until = np.zeros((codes, w + 1), dtype=np.int32)
    ahead = np.zeros(w, dtype=np.int64)  # the first question whose window begins after the start of the observation
    for k in range(len(offsets) - 1):
        first, stop = asked[k], asked[k + 1]
        ahead[:] = first
        for i in range(offsets[k], offsets[k + 1]):
            while first < stop and at[first] <= start[i]:
                first += 1
            if first == stop:
                break
            if code[i] < 0:
                continue
            counted = until[code[i]]
            shut = stop if closed[i] >= never else _first(at, first, stop, closed[i])
            for x in range(w + 1):
                if x == w:
                    end = shut
                else:
                    while ahead[x] < stop and opens[ahead[x]] <= start[i] + reach[x]:
                        ahead[x] += 1
                    end = ahead[x]
                    if event_at[i] != start[i]:
                        end = _first(opens, first, end, event_at[i] + reach[x] + 1)
                    end = min(end, shut)
                if end > counted[x] and end > first:
                    result[0, x, max(first, counted[x])] += 1
                    if end < stop:
                        result[0, x, end] -= 1
                    counted[x] = end
        _run(result, asked[k], stop)
    return result[0]


@_compiled
def latest(
    offsets: Integers, start: Integers, event_at: Integers, closed: Integers, value: Integers, valid: NDArray[np.bool_],
    asked: Integers, at: Integers, opens: Integers, reach: int, missing: int,
) -> Integers:  # fmt: skip
    """The row of the observation that started last among those that count (the greater value of two), shape (q,).

    Arguments as in `window_sums`; `valid` says which rows count at all, `missing` is the answer for none.
    """
    result = np.full(len(at), missing, dtype=np.int64)
    for k in range(len(offsets) - 1):
        if asked[k] == asked[k + 1]:
            continue
        stack = np.empty(offsets[k + 1] - offsets[k], dtype=np.int64)  # what counts no more never counts again
        height, entered = 0, offsets[k]
        for q in range(asked[k], asked[k + 1]):
            while entered < offsets[k + 1] and start[entered] < at[q]:
                if valid[entered]:
                    place = height
                    while (
                        place > 0
                        and start[stack[place - 1]] == start[entered]
                        and value[stack[place - 1]] > value[entered]
                    ):
                        stack[place] = stack[place - 1]
                        place -= 1
                    stack[place] = entered
                    height += 1
                entered += 1
            while height > 0:
                j = stack[height - 1]
                if closed[j] > at[q] and event_at[j] >= opens[q] - reach:
                    result[q] = j
                    break
                height -= 1
    return result


@_compiled
def hashes(bounds: NDArray[np.int32], content: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """FNV-1a of some texts, shape (n,): their bytes lie between `bounds`, shape (n + 1,), in `content`."""
    result = np.empty(len(bounds) - 1, dtype=np.uint64)
    for i in range(len(result)):
        h = np.uint64(14695981039346656037)
        for j in range(bounds[i], bounds[i + 1]):
            h = (h ^ np.uint64(content[j])) * np.uint64(1099511628211)
        result[i] = h ^ (h >> np.uint64(32))
    return result
