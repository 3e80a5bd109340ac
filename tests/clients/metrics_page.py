"""A page of metrics, read by Prometheus's own client for Python as a scraper would.

Usage: metrics_page.py URL

Prints the samples as one line of JSON: a list of [name, labels, value]. Fails if the page is not of the text format, or if
a family lacks its help or its type, or comes twice, or a sample does.
"""

import json
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

DEADLINE_SECONDS = 30


def main():
    # No proxy of the environment stands between a test and loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(sys.argv[1], timeout=DEADLINE_SECONDS) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4"), answer.headers["content-type"]
        text = answer.read().decode("utf-8")
    families, samples = set(), {}
    for family in text_string_to_metric_families(text):
        assert family.name not in families, f"{family.name} comes twice"
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
        families.add(family.name)
        for sample in family.samples:
            series = (sample.name, tuple(sorted(sample.labels.items())))
            assert series not in samples, f"{series} comes twice"
            samples[series] = sample.value
    print(json.dumps([[name, dict(labels), value] for (name, labels), value in samples.items()]))


main()
