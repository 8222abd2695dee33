"""python -m gan_sep.evaluation.metrics prints the registry as the table of docs/metrics.md."""

from collections.abc import Iterator

from gan_sep.evaluation.metrics import METRICS


def table() -> Iterator[str]:
    """Markdown, a line per metric."""
    yield "| metric | group | meaning | unit | better | averages of tracks |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for metric in METRICS.values():
        better = "0" if metric.zero_is_best else "higher" if metric.higher_is_better else "lower"
        averages = ", ".join((metric.average, *metric.also))
        cells = (f"`{metric.name}`", f"`{metric.group}`", metric.title, metric.unit or "-", better)
        yield f"| {' | '.join((*cells, averages))} |"


if __name__ == "__main__":
    print("\n".join(table()))
