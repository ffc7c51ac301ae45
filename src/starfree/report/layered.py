"""Where to draw the nodes and arrows of a small graph: layers from left to right.

The method of Sugiyama, Tagawa and Toda 1981: nodes in layers by their distance from the start,
arrows led through invisible points in every layer between, the order within layers chosen to cross
few arrows, then heights that keep arrows straight. Between two layers of nodes lies one of labels,
so that each label has a place of its own and two opposite arrows keep apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]

RADIUS = 19.0  # of a node
GAP = 16.0  # between neighbours in a layer
COLUMN_GAP = 24.0  # between a node and a column of labels
LOOP = 38.0  # height of an arrow from a node to itself, above it
SWEEPS = 24  # over the layers, for the order
STRAIGHT = 4.0  # how much more a passing arrow's own points count than others, for its height
SETTLING = 40  # rounds of moving heights towards neighbours


@dataclass(frozen=True)
class Arrow:
    """An arrow and the size of its label."""

    source: int
    target: int
    label_width: float
    label_height: float


@dataclass(frozen=True)
class Layout:
    """Where everything lies; y grows downwards.

    Attributes:
        nodes: centres.
        routes: for each arrow the points it passes, both centres included; only the centre of a
            loop.
        labels: centres of the arrows' labels.
    """

    width: float
    height: float
    nodes: list[Point]
    routes: list[list[Point]]
    labels: list[Point]


def layered(nodes: int, arrows: Sequence[Arrow], start: int) -> Layout:
    """Lay out a graph, all of whose nodes can be reached from `start`."""
    drawing = _Drawing(nodes, arrows, start)
    drawing.order()
    drawing.settle()
    return drawing.finish()


@dataclass
class _Item:
    """A node, or a point that an arrow passes; links go to items of neighbouring layers."""

    layer: int
    above: float
    below: float
    links: list[int] = field(default_factory=list)
    y: float = 0.0


class _Drawing:
    def __init__(self, nodes: int, arrows: Sequence[Arrow], start: int) -> None:
        self.arrows = arrows
        self.count = nodes
        self.loops = {arrow.source: arrow for arrow in arrows if arrow.source == arrow.target}
        ranks = _distances(nodes, arrows, start)
        self.items = [
            _Item(2 * rank, RADIUS + self._loop_room(node), RADIUS)
            for node, rank in enumerate(ranks)
        ]
        self.chains = [self._chain(arrow) for arrow in arrows]
        layers = 1 + max(item.layer for item in self.items)
        self.layers: list[list[int]] = [[] for _ in range(layers)]
        for number, item in enumerate(self.items):
            self.layers[item.layer].append(number)

    def _loop_room(self, node: int) -> float:
        loop = self.loops.get(node)
        return LOOP + loop.label_height if loop else 0.0

    def _chain(self, arrow: Arrow) -> list[int]:
        """The items of an arrow, from its source to its target; its label's is the middle one."""
        if arrow.source == arrow.target:
            return [arrow.source]
        first, last = self.items[arrow.source].layer, self.items[arrow.target].layer
        if first == last:  # the two ways between neighbours on two sides
            back = arrow.source > arrow.target and first > 0
            between = [first - 1 if back else first + 1]
        else:
            step = 1 if last > first else -1
            between = list(range(first + step, last, step))
        chain = [arrow.source]
        labelled = _label_place(between)
        for place, layer in enumerate(between):
            half = arrow.label_height / 2 if place == labelled else 0.0
            chain.append(len(self.items))
            self.items.append(_Item(layer, half, half))
        chain.append(arrow.target)
        for one, other in pairwise(chain):
            self.items[one].links.append(other)
            self.items[other].links.append(one)
        return chain

    def order(self) -> None:
        """Reorder layers by the mean place of their neighbours, and keep the best order seen."""
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(SWEEPS):
            forward = sweep % 2 == 0
            numbers = range(1, len(self.layers))
            for number in numbers if forward else reversed(range(len(self.layers) - 1)):
                places = {
                    item: place
                    for place, item in enumerate(self.layers[number + (-1 if forward else 1)])
                }
                self.layers[number] = _by_neighbours(self.layers[number], self.items, places)
            self._exchange()
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
            if fewest == 0:
                break
        self.layers = best

    def _exchange(self) -> None:
        """Exchange neighbours where that crosses fewer arrows."""
        for layer in self.layers:
            for place in range(len(layer) - 1):
                before = self._crossings_of(layer, place)
                layer[place], layer[place + 1] = layer[place + 1], layer[place]
                if self._crossings_of(layer, place) >= before:
                    layer[place], layer[place + 1] = layer[place + 1], layer[place]

    def _crossings_of(self, layer: list[int], place: int) -> int:
        upper, lower = self.items[layer[place]], self.items[layer[place + 1]]
        total = 0
        for side in (-1, 1):
            number = upper.layer + side
            if 0 <= number < len(self.layers):
                where = {item: position for position, item in enumerate(self.layers[number])}
                one = [where[link] for link in upper.links if link in where]
                other = [where[link] for link in lower.links if link in where]
                total += sum(a > b for a in one for b in other)
        return total

    def _crossings(self) -> int:
        total = 0
        for left, right in pairwise(self.layers):
            where = {item: place for place, item in enumerate(right)}
            ends = [
                sorted(where[link] for link in self.items[item].links if link in where)
                for item in left
            ]
            flat = [end for own in ends for end in own]
            total += sum(a > b for place, a in enumerate(flat) for b in flat[place + 1 :])
        return total

    def settle(self) -> None:
        """Heights: every item near its neighbours' mean, none upon another."""
        for layer in self.layers:
            y = 0.0
            for number in layer:
                y += self.items[number].above
                self.items[number].y = y
                y += self.items[number].below + GAP
        for _ in range(SETTLING):
            for layers in (self.layers, self.layers[::-1]):
                for layer in layers:
                    self._settle_layer(layer)

    def _settle_layer(self, layer: list[int]) -> None:
        wanted, offset = [], 0.0
        offsets = []
        for place, number in enumerate(layer):
            item = self.items[number]
            if place:
                offset += self.items[layer[place - 1]].below + GAP + item.above
            wanted.append(self._mean(number) - offset)
            offsets.append(offset)
        for number, level, own in zip(layer, _isotonic(wanted), offsets, strict=True):
            self.items[number].y = level + own

    def _mean(self, number: int) -> float:
        """The mean height of what is linked; arrows keep straight where they only pass."""
        item = self.items[number]
        weights = {
            link: STRAIGHT if min(number, link) >= self.count else 1.0 for link in item.links
        }
        if not weights:
            return item.y
        total = sum(weight * self.items[link].y for link, weight in weights.items())
        return total / sum(weights.values())

    def finish(self) -> Layout:
        """The result, moved so that everything has positive coordinates."""
        top = min(item.y - item.above for item in self.items)
        bottom = max(item.y + item.below for item in self.items)
        xs, width = self._columns()
        points = [(xs[item.layer], item.y - top + GAP) for item in self.items]
        routes, labels = [], []
        for arrow, chain in zip(self.arrows, self.chains, strict=True):
            routes.append([points[number] for number in chain])
            if len(chain) == 1:
                x, y = points[chain[0]]
                labels.append((x, y - RADIUS - LOOP + 4 - arrow.label_height / 2))
            else:
                between = [self.items[number].layer for number in chain[1:-1]]
                labels.append(points[chain[1 + _label_place(between)]])
        return Layout(width, bottom - top + 2 * GAP, points[: self.count], routes, labels)

    def _columns(self) -> tuple[list[float], float]:
        """The middle of each layer, and the width of all."""
        widths = [2 * RADIUS if number % 2 == 0 else 12.0 for number in range(len(self.layers))]
        for arrow, chain in zip(self.arrows, self.chains, strict=True):
            if len(chain) > 1:
                between = [self.items[number].layer for number in chain[1:-1]]
                layer = between[_label_place(between)]
                widths[layer] = max(widths[layer], arrow.label_width)
        xs, x = [], 2 * RADIUS  # room for the arrow into the start
        for width in widths:
            xs.append(x + width / 2)
            x += width + COLUMN_GAP
        return xs, x


def _label_place(between: Sequence[int]) -> int:
    """Which of the layers that an arrow passes has its label: a middle one of labels' layers."""
    odd = [place for place, layer in enumerate(between) if layer % 2 == 1]
    return odd[len(odd) // 2]


def _distances(nodes: int, arrows: Sequence[Arrow], start: int) -> list[int]:
    following: list[list[int]] = [[] for _ in range(nodes)]
    for arrow in arrows:
        following[arrow.source].append(arrow.target)
    found = {start: 0}
    queue = [start]
    for node in queue:
        for target in following[node]:
            if target not in found:
                found[target] = found[node] + 1
                queue.append(target)
    return [found[node] for node in range(nodes)]


def _by_neighbours(layer: list[int], items: list[_Item], places: dict[int, int]) -> list[int]:
    """Sort by the mean place of linked items; one without any keeps its place."""

    def key(entry: tuple[int, int]) -> float:
        place, number = entry
        linked = [places[link] for link in items[number].links if link in places]
        return sum(linked) / len(linked) if linked else place

    return [number for _, number in sorted(enumerate(layer), key=key)]


def _isotonic(wanted: Sequence[float]) -> list[float]:
    """The rising sequence nearest to a wanted one, by pooling neighbours that fall."""
    pools: list[tuple[float, int]] = []
    for value in wanted:
        total, size = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            before = pools.pop()
            total, size = total + before[0], size + before[1]
        pools.append((total, size))
    return [total / size for total, size in pools for _ in range(size)]
