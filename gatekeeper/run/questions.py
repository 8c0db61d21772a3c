"""Many questions in little memory: each request is made when it is looked at, and again when it is looked at again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import overload

from gatekeeper.records import Request

_KEPT = 10_000
"""Of so few questions each is made once and kept."""


class Questions(Sequence[Request]):
    """Requests by their place.

    Args:
        make: makes the request of a place; the same place gives the same request.
        count: how many there are.
    """

    def __init__(self, make: Callable[[int], Request], count: int) -> None:
        self._make = cache(make) if count <= _KEPT else make
        self._places = range(count)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Request: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Request]: ...

    def __getitem__(self, place: int | slice) -> Request | Sequence[Request]:
        if isinstance(place, slice):
            return [self._make(one) for one in self._places[place]]
        return self._make(self._places[place])


class Missing(Mapping[str, Request]):
    """Requests that have no answer yet, by key.

    Args:
        requests: these and others.
        places: the place of each among `requests`, by key.
    """

    def __init__(self, requests: Sequence[Request], places: Mapping[str, int]) -> None:
        self._requests, self._places = requests, places

    def __getitem__(self, key: str) -> Request:
        return self._requests[self._places[key]]

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def without(self, answered: Collection[str]) -> Missing:
        """Return those whose key is not among `answered`."""
        return Missing(self._requests, {key: place for key, place in self._places.items() if key not in answered})
