"""The loops of the batch engine, compiled: one pass over a key's observations serves all its questions and windows.

All functions take observations grouped by key, within a key in the order of their start, and questions grouped by the same
keys, within a key in the order of time. An observation counts at `t` for a window of `d` units (days or hours) where
`start < t < closed` and `unit(event) > unit(t) - d`. Everything is integers: the order of additions changes nothing.
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
def _by_unit(unit: Integers, begin: int, end: int) -> Integers:
    """The rows of a key in the order of their event's unit: mostly the order that they have."""
    for i in range(begin + 1, end):
        if unit[i] < unit[i - 1]:
            return begin + np.argsort(unit[begin:end], kind="mergesort")
    return np.arange(begin, end)


@_compiled
def _by_closing(closed: Integers, begin: int, end: int, never: int) -> Integers:
    """The rows of a key that something closes, in the order in which that happens."""
    count = 0
    for i in range(begin, end):
        if closed[i] < never:
            count += 1
    found = np.empty(count, dtype=np.int64)
    count = 0
    for i in range(begin, end):
        if closed[i] < never:
            found[count] = i
            count += 1
    return found if count == 0 else found[np.argsort(closed[found], kind="mergesort")]


@_compiled
def window_sums(
    offsets: Integers, start: Integers, unit: Integers, closed: Integers, value: Integers, squares: bool,
    asked: Integers, at: Integers, at_unit: Integers, windows: Integers, never: int,
) -> Integers:  # fmt: skip
    """Sums of a value (or of its square) for each question and window, shape (q, w + 1): the last without a window.

    Arguments:
        offsets: where each key's observations begin, shape (k + 1,).
        start, unit, closed, value: of observations, shape (n,). `unit` is the number of the event's day or hour.
        asked: where each key's questions begin, shape (k + 1,).
        at, at_unit: of questions, shape (q,).
        windows: lengths in units, shape (w,).
        never: what `closed` is where nothing closes.
    """
    w = len(windows)
    result = np.zeros((len(at), w + 1), dtype=np.int64)
    gone = np.zeros(w, dtype=np.int64)  # what entered and whose window has passed
    passed = np.zeros(w, dtype=np.int64)  # how far each window has passed, in the order of units
    widest = windows.min() if w else 0
    for k in range(len(offsets) - 1):
        if asked[k] == asked[k + 1]:
            continue
        begin, end = offsets[k], offsets[k + 1]
        order = _by_unit(unit, begin, end)
        closings = _by_closing(closed, begin, end, never)
        gone[:], passed[:] = 0, 0
        entered, shut, total = begin, 0, 0
        last_t, last_unit = np.int64(-never), np.int64(-never)
        for q in range(asked[k], asked[k + 1]):
            t, now = at[q], at_unit[q]
            while entered < end and start[entered] < t:
                v = value[entered] * value[entered] if squares else value[entered]
                total += v
                if unit[entered] <= last_unit - widest:  # so late that a window has passed before it came
                    for x in range(w):
                        if unit[entered] <= last_unit - windows[x]:
                            gone[x] += v
                entered += 1
            for x in range(w):
                limit, p = now - windows[x], passed[x]
                while p < end - begin and unit[order[p]] <= limit:
                    j = order[p]
                    if j < entered and closed[j] > last_t:
                        gone[x] += value[j] * value[j] if squares else value[j]
                    p += 1
                passed[x] = p
            while shut < len(closings) and closed[closings[shut]] <= t:
                j = closings[shut]
                v = value[j] * value[j] if squares else value[j]
                total -= v
                for x in range(w):
                    if unit[j] <= now - windows[x]:
                        gone[x] -= v
                shut += 1
            for x in range(w):
                result[q, x] = total - gone[x]
            result[q, w] = total
            last_t, last_unit = t, now
    return result


@_compiled
def window_distinct(
    offsets: Integers, start: Integers, unit: Integers, closed: Integers, code: NDArray[np.int32], codes: int,
    asked: Integers, at: Integers, at_unit: Integers, windows: Integers, never: int,
) -> Integers:  # fmt: skip
    """How many different codes count, shape (q, w + 1). Arguments as in `window_sums`; a code of -1 is none."""
    w = len(windows)
    result = np.zeros((len(at), w + 1), dtype=np.int64)
    live = np.zeros((codes, w + 1), dtype=np.int32)  # how many observations of a code count now
    distinct = np.zeros(w + 1, dtype=np.int64)
    passed = np.zeros(w, dtype=np.int64)
    for k in range(len(offsets) - 1):
        if asked[k] == asked[k + 1]:
            continue
        begin, end = offsets[k], offsets[k + 1]
        order = _by_unit(unit, begin, end)
        closings = _by_closing(closed, begin, end, never)
        distinct[:], passed[:] = 0, 0
        entered, shut = begin, 0
        last_t, last_unit = np.int64(-never), np.int64(-never)
        for q in range(asked[k], asked[k + 1]):
            t, now = at[q], at_unit[q]
            while entered < end and start[entered] < t:
                c = code[entered]
                if c >= 0:
                    for x in range(w + 1):
                        if x == w or unit[entered] > last_unit - windows[x]:
                            live[c, x] += 1
                            if live[c, x] == 1:
                                distinct[x] += 1
                entered += 1
            for x in range(w):
                limit, p = now - windows[x], passed[x]
                while p < end - begin and unit[order[p]] <= limit:
                    j = order[p]
                    if j < entered and closed[j] > last_t and code[j] >= 0:
                        live[code[j], x] -= 1
                        if live[code[j], x] == 0:
                            distinct[x] -= 1
                    p += 1
                passed[x] = p
            while shut < len(closings) and closed[closings[shut]] <= t:
                j = closings[shut]
                if code[j] >= 0:
                    for x in range(w + 1):
                        if x == w or unit[j] > now - windows[x]:
                            live[code[j], x] -= 1
                            if live[code[j], x] == 0:
                                distinct[x] -= 1
                shut += 1
            result[q] = distinct
            last_t, last_unit = t, now
        for i in range(begin, entered):
            if code[i] >= 0:
                live[code[i]] = 0
    return result


@_compiled
def latest(
    offsets: Integers, start: Integers, unit: Integers, closed: Integers, value: Integers, valid: NDArray[np.bool_],
    asked: Integers, at: Integers, at_unit: Integers, window: int, missing: int,
) -> Integers:  # fmt: skip
    """The row of the observation that started last among those that count (the greater value of two), shape (q,).

    Arguments as in `window_sums`; `valid` says which rows count at all, `window` is 0 for none, `missing` the answer for none.
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
                if closed[j] > at[q] and (window == 0 or unit[j] > at_unit[q] - window):
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
