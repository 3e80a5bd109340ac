"""Lets schemathesis hold docs/openapi.yaml against a gateway: the same requests each time, most of them wrong in one way.

Usage: check_http.py URL OPENAPI_FILE TOKEN TAG…     (an empty TOKEN is none)
"""

import pathlib
import subprocess
import sys
import tempfile


def main(url, document, token, *tags):
    config = pathlib.Path(__file__).with_name("schemathesis.toml")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", pathlib.Path(document).resolve()]
    command += ["--no-color", "--url", url]
    for tag in tags:
        command += ["--include-tag", tag]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    # It leaves a folder behind where it runs.
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(subprocess.run(command, cwd=folder).returncode)


main(*sys.argv[1:])
