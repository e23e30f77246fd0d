"""When what was counted in one place is told: what is new, gone, empty, of another type or name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import ceil

from tidewaiter.pipeline.normalize.drift.alarm import Alarm
from tidewaiter.pipeline.normalize.drift.known import LEARNED_HERE, NEARLY_ALL, Here, Path, Pending, Place
from tidewaiter.pipeline.normalize.drift.likeness import likely_name
from tidewaiter.pipeline.normalize.drift.look import FORM
from tidewaiter.pipeline.normalize.drift.observe import ROW, SHAPES, TEXT, TYPES, Sighting
from tidewaiter.pipeline.normalize.drift.places import accept, accept_type

RUN = 8
"""Objects in a row without a field that they always had."""
_RUN_VARIED = 14
"""The same for one that most of them had; the fewer, the more: what comes together is missing together."""
_MOSTLY = 0.9
_LONGER = 6
"""How many times as long as ever before a field has to be missing."""
_RUN_FORM = 12
"""Texts in a row that are not of the form that they always were of."""
_NEW = 8
_NEW_VARIED = 14
"""Objects in a row with a member that is new where callers choose the members."""
_NEVER_BLANK = 0.02
_FEW = 5
"""A member that a place had less often is not missed there."""


class Judge:
    """Judges the objects at one path of one place."""

    def __init__(self, source: str, seen: Sighting, where: str, path: Path, place: Place) -> None:
        self.source, self.seen, self.where = source, seen, where
        self.known, self.place = path, place

    def new(self, *, varied: bool) -> Iterator[Alarm]:
        """Tell of members that nearly all objects have since they came, once some came after the first."""
        for name, waiting in list(self.place.new.items()):
            needed = _NEW_VARIED if varied and len(waiting.kinds) < 3 else _NEW
            many = waiting.seen >= needed and waiting.common
            if waiting.of <= waiting.first or not (many or waiting.settled):
                continue
            missing = self._gone(waiting)
            if not many and missing and not waiting.old:
                continue  # it is told as another name, if at all, when that has been missing for long enough
            form = self._form_of_new(name, waiting.seen)
            elsewhere = self._is_had_elsewhere(name, waiting)
            self._learn(name, waiting)
            if not many or FORM in name:
                continue
            if old := likely_name(name, self._of_form(form, missing)):
                here = self.place.members[old]
                here.told = True
                self.known.renamed[old] = name
                yield self._alarm("renamed_field", old, now=self.path(name), sampled=waiting.seen,
                                  expected=here.share)  # fmt: skip
            elif not elsewhere:
                yield self._alarm("new_field", name, now=TYPES[waiting.letter], sampled=waiting.seen)

    def types(self) -> Iterator[Alarm]:
        """Tell of members of which nearly all values are of a type that they never had."""
        for key, waiting in list(self.place.types.items()):
            many = waiting.seen >= _NEW and waiting.common
            if not many and not waiting.settled:
                continue
            del self.place.types[key]
            letter, name = key[0], key[1:]
            accept_type(self.known, name, waiting)
            if not many:
                continue
            for form in SHAPES:  # that it is not the text it was is told herewith
                if here := self.place.members.get(f"{name}{FORM}{form}"):
                    here.told = True
            yield self._alarm("type_change", name, was=TYPES[waiting.was], now=TYPES[letter],
                              sampled=waiting.seen)  # fmt: skip

    def runs(self, missing: Iterable[str]) -> Iterator[Alarm]:
        """Tell of members that have been missing for longer than is usual."""
        for name in missing:
            here = self.place.members[name]
            if here.told or here.run < RUN or here.filled < _FEW or self.place.n - here.run < LEARNED_HERE:
                continue
            if FORM in name:
                yield from self._form(name, here)
                continue
            blank = self._is_blank(name, here)
            if not blank and here.run < self._needed(name, here):
                continue
            here.told = True
            self.known.names[name].blanks -= here.empty
            new = "" if blank else self._new_name(name, here)
            if new:
                yield self._alarm("renamed_field", name, now=self.path(new), sampled=here.run,
                                  expected=here.share)  # fmt: skip
                continue
            emptied = blank or 2 * here.empty > here.run
            column = self.where.startswith(ROW)
            kind = "empty_column" if column else "emptied_field" if emptied else "vanished_field"
            yield self._alarm(kind, name, was=TYPES.get(self.known.usual(name), ""), sampled=here.run,
                              expected=here.share)  # fmt: skip

    def path(self, name: str) -> str:
        """The whole path of a member of the object."""
        where = "" if self.where.startswith(ROW) else self.where
        return f"{where}.{name}" if where else name

    def _needed(self, name: str, here: Here) -> int:
        needed = max(RUN, _LONGER * self.known.names[name].gap)
        if here.share >= _MOSTLY:
            return needed
        return max(needed, ceil(_RUN_VARIED / max(here.share, 0.01) ** 2))

    def _is_blank(self, name: str, here: Here) -> bool:
        """Whether it is there without a value, which it never was, whether all have it or only some."""
        each = self.known.names[name]
        if self.where.startswith(ROW) or here.filled < 2 * RUN or not each.had:
            return False
        if each.blanks - here.empty > _NEVER_BLANK * each.had:
            return False
        return here.empty >= max(RUN, _LONGER * each.blank)

    def _new_name(self, name: str, here: Here) -> str:
        """Return the name that took the place of one that has gone, "" for none."""
        new = self.known.renamed.get(name, "")
        if new in self.place.members and not self.place.members[new].run:
            return new
        usual, form = self.known.usual(name), self._form_of_old(name, here)
        waiting = [
            other for other, each in self.place.new.items()
            if each.letter == usual and FORM not in other and each.seen >= RUN // 2
            and self._came(each, here) and self._form_of_new(other, each.seen) == form
        ]  # fmt: skip
        new = likely_name(name, waiting)
        if new:
            self._learn(new, self.place.new[new])
            self.known.renamed[name] = new
        return new

    def _is_had_elsewhere(self, name: str, waiting: Pending) -> bool:
        """Whether other kinds of object always had it: that is nothing new."""
        each = self.known.names.get(name)
        return each is not None and each.had > 2 * waiting.seen

    def _gone(self, waiting: Pending) -> dict[str, Here]:
        """Return the members that went missing when a new one of the same type came."""
        return {
            name: here for name, here in self.place.members.items()
            if here.run > self.known.names[name].gap and not here.told and 2 * here.empty <= here.run
            if FORM not in name and self._came(waiting, here) and self.known.usual(name) == waiting.letter
        }  # fmt: skip

    def _came(self, waiting: Pending, here: Here) -> bool:
        """Whether what is new has come about as often as what is gone would have."""
        later = waiting.seen - waiting.first
        return max(2 * later / 3 - 1, min(later, 4)) - 0.5 <= here.want <= 4 * waiting.seen / 3 + 4

    def _of_form(self, form: str, missing: Mapping[str, Here]) -> list[str]:
        """Return those that are missing whose texts were of a form."""
        return [old for old, here in missing.items() if self._form_of_old(old, here) == form]

    def _form_of_old(self, name: str, here: Here) -> str:
        counts = {each: self.place.members.get(f"{name}{FORM}{each}") for each in SHAPES}
        return _form({letter: each.filled for letter, each in counts.items() if each}, here.filled)

    def _form_of_new(self, name: str, of: int) -> str:
        counts = {each: self.place.new.get(f"{name}{FORM}{each}") for each in SHAPES}
        return _form({letter: each.seen for letter, each in counts.items() if each}, of)

    def _form(self, key: str, here: Here) -> Iterator[Alarm]:
        """Tell of texts that are there, but are no longer times, say; a form that not all had is variety."""
        name, _, letter = key.partition(FORM)
        whole = self.place.members.get(name)
        if whole is None or whole.run or here.share < _MOSTLY:
            return
        if here.run < max(_RUN_FORM, _LONGER * self.known.names[key].gap):
            return
        here.told = True
        forms = {each: self.place.members.get(f"{name}{FORM}{each}") for each in SHAPES}
        now = next((each for each, other in forms.items() if other and not other.run), TEXT)
        yield self._alarm("type_change", name, was=TYPES[letter], now=TYPES[now], sampled=here.run,
                          expected=here.share)  # fmt: skip

    def _learn(self, name: str, waiting: Pending) -> None:
        del self.place.new[name]
        accept(self.known, self.place, name, waiting)

    def _alarm(self, kind: str, name: str, **more: object) -> Alarm:
        table = self.where.removeprefix(ROW) if self.where.startswith(ROW) else ""
        seen = self.seen
        return Alarm(
            self.source, kind, self.path(name), seen.account, seen.region,  # type: ignore[arg-type]
            table=table, object_id=seen.object_id, **more,  # type: ignore[arg-type]
        )  # fmt: skip


def _form(counts: Mapping[str, int], of: int) -> str:
    """Return the letter of the form that nearly all texts of a member are of."""
    return next((letter for letter, n in counts.items() if n >= NEARLY_ALL * of), TEXT)
