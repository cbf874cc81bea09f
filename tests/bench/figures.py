"""What a run found, as figures that stand in its JSON and in the table, and the budgets that they are held against."""

from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.driver import Sample

BROKEN_OFF = "broken off"


@dataclass(frozen=True)
class Figure:
    """One thing measured at one level. Times are milliseconds; `cpu` is the servers' for each operation, `driver` that
    of the clients. Where no requests were made, `value` has what was found and `unit` what it is.
    """

    key: str
    words: str = ""
    clients: int = 1
    operations: int = 0
    per_second: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    cpu: float | None = None
    driver: float | None = None
    memory: float | None = None
    value: float | None = None
    unit: str = ""
    # Ours against the bare view's: per second, or the median where there is one client.
    floor: float | None = None
    note: str = ""

    @classmethod
    def of(cls, key: str, words: str, sample: Sample, *, floor: Sample | None = None, note: str = "") -> "Figure":
        """What a sample says; `floor` is the bare view's of the same."""
        ratio = None
        if floor is not None:
            ratio = sample.per_second / floor.per_second
            bare = f"{floor.per_second:,.0f}/s, p50 {floor.percentile(0.5):.1f} ms, CPU {floor.cpu_each:.2f} ms"
            note = f"{note}; bare {bare}".removeprefix("; ")
        return cls(
            key=key,
            words=words,
            clients=sample.clients,
            operations=sample.operations,
            per_second=round(sample.per_second, 1),
            p50=round(sample.percentile(0.50), 2),
            p95=round(sample.percentile(0.95), 2),
            p99=round(sample.percentile(0.99), 2),
            cpu=round(sample.cpu_each, 3),
            driver=round(sample.driver_each, 3),
            memory=round(sample.memory, 1),
            floor=round(ratio, 2) if ratio is not None else None,
            note=note,
        )

    @classmethod
    def rate(cls, key: str, words: str, many: int, seconds: float, cpu: float, *, note: str = "") -> "Figure":
        """How many a second of what no client waits for."""
        each = f"in {seconds:.1f} s, {cpu / many * 1000:.1f} ms of the servers' processors each"
        said = "; ".join(filter(None, (each, note)))
        found = round(many / seconds, 1)
        return cls(key, words, per_second=found, value=found, unit="per s", note=said)

    @classmethod
    def broken_off(cls, what: str, why: BaseException) -> "Figure":
        """What could not be measured to its end."""
        said = " ".join(str(why).replace("|", " ").split())[:300]
        return cls(f"{BROKEN_OFF} {what}", f"{BROKEN_OFF}: {what}", value=1.0, note=said)

    def __str__(self) -> str:
        if self.value is not None:
            return f"{self.words}: {self.value:g} {self.unit} {self.note}".rstrip()
        ratio = "" if self.floor is None else f", {self.floor:g} of bare"
        took = f"p50 {self.p50:.1f} ms, p95 {self.p95:.1f}, p99 {self.p99:.1f}, CPU {self.cpu:.2f}{ratio}"
        return f"{self.words}, {self.clients} at once: {self.per_second:,.0f}/s, {took}"

    def as_json(self) -> dict[str, Any]:
        """Without what does not apply."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


@dataclass(frozen=True)
class Level:
    """So many completions in a database, and what was found there."""

    database: str
    completions: int
    figures: tuple[Figure, ...]
    seconds: float
    fill_seconds: float

    @property
    def name(self) -> str:
        """As the table calls it."""
        return f"{'SQLite' if self.database == 'sqlite' else 'PostgreSQL'}, {self.completions:,}"

    @property
    def is_whole(self) -> bool:
        """Whether all was measured to its end."""
        return not any(figure.key.startswith(BROKEN_OFF) for figure in self.figures)

    def figure(self, key: str) -> Figure | None:
        """That of a key."""
        return next((figure for figure in self.figures if figure.key == key), None)


@dataclass(frozen=True)
class Budget:
    """What a figure must be: `most` or `least` of one of its members, at levels up to `upto` completions and above
    `above`, on the databases named.
    """

    words: str
    key: str
    member: str
    most: float | None = None
    least: float | None = None
    above: int = 0
    upto: int = 100_000
    databases: tuple[str, ...] = ("sqlite", "postgres")
    unit: str = "ms"

    def applies(self, level: Level) -> bool:
        """Whether it says anything about a level."""
        return level.database in self.databases and self.above < level.completions <= self.upto

    def found(self, level: Level) -> float | None:
        """What the level has for it."""
        figure = level.figure(self.key)
        return None if figure is None else getattr(figure, self.member)

    def is_met(self, found: float) -> bool:
        """Whether that is enough."""
        return (self.most is None or found <= self.most) and (self.least is None or found >= self.least)

    @property
    def bound(self) -> str:
        """As a reader wants it."""
        return f"≤ {self.most:g} {self.unit}" if self.most is not None else f"≥ {self.least:g} {self.unit}"


SMALL = 10_000
ALL = 10_000_000
BUDGETS = (
    Budget("cold start", "cold start", "value", most=1.5, unit="s", upto=ALL),
    Budget("idle memory", "idle", "value", most=120, unit="MB", upto=ALL, databases=("sqlite",)),
    Budget("idle memory of a web process", "idle", "value", most=200, unit="MB", upto=ALL, databases=("postgres",)),
    Budget("create, 8 clients", "create 8", "per_second", least=900, unit="per s", databases=("postgres",)),
    Budget("create, 8 clients", "create 8", "per_second", least=500, unit="per s", databases=("sqlite",)),
    Budget("create against the bare view", "create 8", "floor", least=0.6, unit="of it"),
    Budget("create, 100 KB, 8 clients", "create large 8", "per_second", least=150, unit="per s"),
    Budget("bulk, 8 clients", "bulk 8", "per_second", least=1_500, unit="per s"),
    Budget("list, p50", "list", "p50", most=8, upto=SMALL),
    Budget("list, p50", "list", "p50", most=10, above=SMALL),
    Budget("next, p50", "next 1", "p50", most=5, upto=SMALL),
    Budget("next, p50", "next 1", "p50", most=6, above=SMALL),
    Budget("submit, p50", "submit 1", "p50", most=6),
    Budget("next, p50, 8 reviewers", "next 8", "p50", most=20),
    Budget("next, p95, 8 reviewers", "next 8", "p95", most=50),
    Budget("reviews per second, 8 reviewers", "submit 8", "per_second", least=150, unit="per s"),
    Budget("doubled in bursts of 8", "doubled", "value", most=0, unit="", upto=ALL),
    Budget("export", "export", "per_second", least=3_000, unit="per s", upto=ALL),
    Budget("review page of 4,000 tokens, in the web process", "tokens inside", "p50", most=50, upto=ALL),
    Budget("bytes on disk against the JSON", "bytes", "value", most=0.35, unit="of it", upto=ALL),
)
