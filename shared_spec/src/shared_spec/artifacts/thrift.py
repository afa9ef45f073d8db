"""The compact protocol of Apache Thrift, in which Parquet describes itself: read with bounds, before a library does.

A library allocates what a description declares. Here nothing is believed: every length has to fit into the bytes that
are there, and nothing nests deeper than such descriptions do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Fields", "ThriftReader"]

Fields: TypeAlias = dict[int, Any]
"""A struct: its fields by number."""

_DEPTH = 8
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _STRUCT = 1, 2, 3, 7, 8, 9, 12
_INTEGERS = (4, 5, 6)


class ThriftReader:
    """Reads structs from bytes, one after the other.

    Args:
        content: the bytes.
        at: where the first begins.
        end: where they have to end at the latest.
        most: values that are read before something is told of them, which bounds time and memory.
    """

    def __init__(self, content: bytes, at: int, end: int, most: int) -> None:
        self._content, self.at, self._end = content, at, end
        self._most = self._left = most

    def struct(self, each: tuple[int, Callable[[Fields], None]] | None = None) -> Fields:
        """The next struct.

        Args:
            each: the number of a field that is a list of structs, and what is told of them one by one; the struct then
                has their number in their place.

        Raises:
            ValueError: it is none.
        """
        return self._struct(0, each)

    def _struct(
        self, depth: int, each: tuple[int, Callable[[Fields], None]] | None = None
    ) -> Fields:
        if depth > _DEPTH:
            raise ValueError("nested too deeply")
        fields: Fields = {}
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._integer()
            if number in fields:
                raise ValueError(f"field {number} stands twice")
            if each is not None and number == each[0] and head & 15 == _LIST:
                fields[number] = self._told(each[1])
            else:
                fields[number] = self._value(head & 15, depth)
        return fields

    def _told(self, told: Callable[[Fields], None]) -> int:
        kind, count = self._list_head()
        if kind != _STRUCT:
            raise ValueError("a list of other things than structs")
        for _ in range(count):
            told(self._struct(1))
            self._left = self._most
        return count

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401 - whatever a field can hold
        self._left -= 1
        if self._left < 0:
            raise ValueError("more values than such a description has")
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BYTE:
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self._struct(depth + 1)
        if kind == _LIST:
            of, count = self._list_head()
            if of in (_TRUE, _FALSE):
                raise ValueError("a list of truth values")
            return [self._value(of, depth + 1) for _ in range(count)]
        raise ValueError(f"a value of kind {kind}")

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > self._end - self.at:
            raise ValueError("a list that is longer than its bytes")
        return head & 15, count

    def _integer(self) -> int:
        found = self._varint()
        return (found >> 1) ^ -(found & 1)

    def _varint(self) -> int:
        found = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
        raise ValueError("a number that is too long")

    def _byte(self) -> int:
        if self.at >= self._end:
            raise ValueError("it ends too early")
        self.at += 1
        return self._content[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        if count > self._end - self.at:
            raise ValueError("a string that is longer than its bytes")
        self.at += count
        return self._content[self.at - count : self.at]
