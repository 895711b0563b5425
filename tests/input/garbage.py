"""What people, scripts and attackers send instead of what is asked for."""

HUGE = "9" * 30
IN_A_PATH = ("0", "-1", "９", HUGE, "%00", "x%00y", "%ff", "..%5c..%5cetc", "x" * 3000, "%27%20OR%201=1--", "é")
IN_A_QUERY = ("%00", "%ff", "-1", HUGE, "NaN", "2026-02-30", "x" * 3000, "%F0%9F%9A%A2", "[]")
QUERIES = [
    "page",
    "page_size",
    "q",
    "show",
    "sort",
    "order",
    "after",
    "before",
    "cursor",
    "newer",
    "older",
    "product",
    "stage",
    "strategy",
    "role",
    "environment",
    "risk",
    "since",
    "until",
    "version",
    "month",
    "period",
    "machine",
    "state",
    "on",
    "next",
    "kind",
    "release",
    "change",
    "candidate",
    "form",
    "at",
    "from",
    "to",
    "actor",
    "name",
    "stream",
    "with",
    "last",
    "live",
    "request",
    "pick",
    "country",
    "item",
    "risk_band",
    "size",
    "tier",
]


def query(value: str) -> str:
    return "&".join(f"{key}={value}" for key in QUERIES)


TEXTS = {
    "NUL": "before\0after",
    "a hundred thousand characters": "x" * 100_000,
    "nothing": "",
    "a huge number": HUGE,
    "a negative number": "-1",
    "no date": "2026-02-30T25:61",
    "year 1": "0001-01-01T00:00",
    "year 9999": "9999-12-31T23:59",
    "markup and controls": "<script>alert(1)</script>{{ 7*7 }}\x01\x1b[31m\u202e\ufffe",
    "not a number": "NaN",
}
DAYS = ("no date", "year 1", "year 9999")  # to other fields they are texts like any other
# The ends of the calendar, each with a zone by whose clock it lies beyond the calendar in UTC.
ENDS = {"0001-01-01T00:00": "Asia/Tokyo", "9999-12-31T23:59": "Pacific/Honolulu"}
JSONS = {
    "NUL": "before\0after",
    "half a surrogate pair": "before\ud800after",
    "a hundred thousand characters": "x" * 100_000,
    "null": None,
    "a list": [[["deep"]]],
    "an object": {"a": {"b": {"\0": "\ud800"}}},
    "a huge number": int(HUGE),
    "a number beyond floats": 10**400,
    "a negative number": -1,
    "a fraction": 0.5,
    "true": True,
    "no date": "2026-02-30T25:61:00Z",
    "year 1": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59-12:00",
}
LETTERS = ("NUL", "half a surrogate pair")  # no text but for their letters, so that only a field for text reads them
BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "deep": b"[" * 100_000,
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "a number beyond floats": b"1e999",
    "NaN": b'{"name": NaN, "release": NaN}',
}
