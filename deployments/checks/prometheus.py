"""The `prometheus` check: an instant query of Prometheus' HTTP API, each series of its answer compared with a threshold.

Source: prometheus.io/docs/prometheus/latest/querying/api (instant queries; format of answers).
"""

import json
import math
import operator
import re
import time
from base64 import b64encode
from urllib.parse import urlencode

from deployments.checks.health import below
from deployments.checks.protocol import Field, Kind, NotKnown, Result, excerpt, fill, since
from deployments.drivers.fields import host_and_path
from deployments.drivers.wire import Answer, Broken, NotSent, exchange

MAX_BYTES = 1_000_000
COMPARED = {
    "<": ("below", operator.lt),
    "<=": ("at most", operator.le),
    ">": ("above", operator.gt),
    ">=": ("at least", operator.ge),
    "==": ("exactly", operator.eq),
    "!=": ("anything but", operator.ne),
}
FITS_A_QUERY = re.compile(r"""[^"'`\\\x00-\x1f]*""")
Series = tuple[dict, float]


class Unreadable(Exception):
    """An answer that gives no figures to compare; the text says why."""


class PrometheusCheck(Kind):
    """Well when every series of the answer holds. No series is no answer, unless that is said to be well; NaN never holds."""

    label = "Prometheus query"
    what = "A figure that Prometheus keeps stays within its bounds."
    fields = (
        Field("address", "Address of Prometheus", "Such as https://prometheus.example.org", kind="address"),
        Field(
            "query",
            "Query",
            "PromQL with a number as the answer. {environment}, {version} and {product} are filled in.",
            kind="long",
        ),
        Field(
            "operator",
            "Well when it is",
            kind="choice",
            choices=tuple((sign, f"{word} ({sign})") for sign, (word, _) in COMPARED.items()),
            default="<",
        ),
        Field("threshold", "Threshold", kind="decimal"),
        Field(
            "empty_is_ok",
            "No series is well too",
            "For queries that name only what is wrong. Otherwise an empty answer is no answer.",
            kind="flag",
            required=False,
            default=False,
        ),
    )
    secret_label = "Token, or user:password"  # noqa: S105 - what the form calls it
    secret_help = "With a colon it signs in by name and password, else as a bearer token."  # noqa: S105

    def asked(self, config: dict) -> str:
        config = self.whole(config)
        word, _ = COMPARED[config["operator"]]
        empty = ", or there is none" if config["empty_is_ok"] else ""
        bound = f"{word} {config['threshold']:g}{empty}"
        return f"{host_and_path(config['address'])}: {' '.join(config['query'].split())} is {bound}"

    def bound(self, config: dict) -> str:
        """ "must be below 1"."""
        config = self.whole(config)
        return f"must be {COMPARED[config['operator']][0]} {config['threshold']:g}"

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        began, config = time.monotonic(), self.whole(config)
        try:
            answer = _query(config, secret, _filled(config["query"], facts), timeout_s)
            series, warnings = read(answer)
        except (NotSent, Broken) as error:
            return Result(None, f"No answer: {error}", elapsed_ms=since(began))
        except (NotKnown, Unreadable) as error:
            return Result(None, str(error), elapsed_ms=since(began))
        ok, detail, value = judge(series, config)
        return Result(ok, " ".join([detail, *warnings]), value, since(began), answer.status)


def _filled(query: str, facts: dict) -> str:
    """The query with its placeholders filled in. Raises NotKnown, also for a value that would break out of its quotes."""
    for name in ("environment", "version", "product"):
        if f"{{{name}}}" in query and not FITS_A_QUERY.fullmatch(str(facts.get(name) or "")):
            raise NotKnown(f"The {name} has characters that cannot stand in a query.")
    return fill(query, facts)


def _query(config: dict, secret: str, query: str, timeout_s: float) -> Answer:
    """Raises NotSent or Broken. Posted, so that no length limit of an address is met."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "User-Agent": "Slipway",
    }
    if ":" in secret:
        headers["Authorization"] = f"Basic {b64encode(secret.encode()).decode()}"
    elif secret:
        headers["Authorization"] = f"Bearer {secret}"
    return exchange(
        "POST",
        below(config["address"], "/api/v1/query"),
        headers=headers,
        content=urlencode({"query": query, "timeout": f"{round(timeout_s * 1000)}ms"}).encode(),
        timeout_s=timeout_s,
        max_bytes=MAX_BYTES,
    )


def read(answer: Answer) -> tuple[list[Series], list[str]]:
    """([(labels, value)], warnings in words) of an answer. Raises Unreadable."""
    content = _json(answer)
    if content.get("status") == "error":
        kind, error = content.get("errorType", "error"), content.get("error", "")
        raise Unreadable(f"Prometheus answered {answer.status}, {kind}: {excerpt(str(error))}")
    data = content.get("data")
    if content.get("status") != "success" or not isinstance(data, dict):
        raise Unreadable(_strange(answer))
    warnings = content.get("warnings")
    told = [f"Prometheus warns: {excerpt(str(each))}" for each in (warnings if isinstance(warnings, list) else [])]
    try:
        return _series(data), told
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Unreadable(_strange(answer)) from None


def _json(answer: Answer) -> dict:
    if answer.cut:
        raise Unreadable("The answer is too long: let the query sum up.")
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Unreadable(_strange(answer))
    return content


def _strange(answer: Answer) -> str:
    return f"Answered {answer.status}, but not as Prometheus does: {excerpt(answer.text) or 'nothing'}"


def _series(data: dict) -> list[Series]:
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return [({}, float(result[1]))]
    if kind != "vector":
        raise Unreadable(f"The query gives a {'range of values' if kind == 'matrix' else kind}; ask for one number.")
    if any("histogram" in each for each in result):
        raise Unreadable("The query gives a histogram; ask for a number, such as a quantile of it.")
    return [(each["metric"], float(each["value"][1])) for each in result]


def judge(series: list[Series], config: dict) -> tuple[bool | None, str, float | None]:
    """(whether all hold, in words, the worst figure) of a list of series."""
    _, holds = COMPARED[config["operator"]]
    bound = check.bound(config)
    if not series:
        is_ok = bool(config["empty_is_ok"])
        return (True, "No series, which is well.", None) if is_ok else (None, "The answer is empty: no series.", None)
    labels, value = max(series, key=lambda each: _badness(each[1], config))
    ok = not math.isnan(value) and holds(value, config["threshold"])
    figure = f"{value:g}, {bound}."
    if len(series) > 1:
        figure = f"{len(series)} series, the worst {named(labels)} is {figure}"
    return ok, figure[:1].upper() + figure[1:], value if math.isfinite(value) else None


def _badness(value: float, config: dict) -> float:
    """The greater, the worse: the worst of all holds only if all do."""
    if math.isnan(value):
        return math.inf
    sign, threshold = config["operator"], config["threshold"]
    if sign in ("<", "<="):
        return value
    if sign in (">", ">="):
        return -value
    distance = 0.0 if value == threshold else abs(value - threshold)
    return distance if sign == "==" else -distance


def named(labels: dict) -> str:
    """A series as PromQL writes it, without the name of the metric."""
    inner = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__")
    return excerpt(f"{{{inner}}}", 120)


check = PrometheusCheck()
