"""How long from a fresh clone to the first alert on screen: measured, and written into README between its marks.

Run it with `make first-alert`. The clone has an empty HOME and no caches; what is downloaded comes from this machine's
package index, so the number says as much about the network as about the program.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARKED = re.compile(r"(<!-- FIRST ALERT -->\n).*?(\n<!-- END OF FIRST ALERT -->)", re.DOTALL)


def measure() -> tuple[float, float]:
    """Seconds from the clone to the channel's first line, and to the first alert."""
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), f"{place}/clone"], check=True)
        process = subprocess.Popen(
            ["make", "run"], cwd=f"{place}/clone", env={**os.environ, "HOME": home}, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        up = 0.0
        for line in process.stdout:
            if line.startswith("home ") and not up:
                up = time.monotonic() - began
            if line.startswith("!!"):
                break
        first = time.monotonic() - began
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
        return up, first


def main() -> None:
    up, first = measure()
    text = (
        f"Measured with `make first-alert` on {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}:\n{first:.0f} seconds from `git clone` to the first alert on screen, "
        f"{up:.0f} of them for clone, set-up and start;\n"
        f"the alert came {first - up:.0f} seconds after the channel was up."
    )
    readme = ROOT / "README.md"
    readme.write_text(MARKED.sub(lambda found: found[1] + text + found[2], readme.read_text()))
    print(text)


if __name__ == "__main__":
    main()
