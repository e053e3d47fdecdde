"""Opens pages in a real Chromium, as files from disk, and tells what scripts found there and what Chromium logged.

Nothing drives the browser: a script is added to a copy of the page, and Chromium prints the page that it leaves.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

AXE = Path(sys.prefix) / "browser" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_S = 60
DARK = "--blink-settings=preferredColorScheme=0"
# Both come before whatever the page does, so that nothing escapes them.
_LISTEN = """\
<script>
const harness = { errors: [], violations: [] };
addEventListener("error", (event) => harness.errors.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => harness.violations.push(event.blockedURI));
</script>
"""
_TELL = """\
<script>
addEventListener("load", async () => {
  let found;
  try {
    found = await (async () => { %s })();
  } catch (error) {
    found = { harness: String(error) };
  }
  const told = document.createElement("pre");
  told.id = "told";
  told.textContent = JSON.stringify({ ...harness, found });
  document.body.append(told);
});
</script>
"""


@dataclass(frozen=True)
class Opened:
    """What became of a page."""

    found: dict[str, Any]
    """What the script returned."""
    errors: list[str]
    violations: list[str]
    """What the page's policy kept from being fetched."""
    console: list[str]
    """What Chromium's console got."""
    asked_for: set[str]
    """The addresses that the page asked for over any network."""


class Browser:
    """A Chromium at work on one page; several may be at once."""

    def __init__(self, folder: Path, page: str, script: str, *flags: str) -> None:
        folder.mkdir()
        axe = f"<script>{AXE.read_text(encoding='utf-8')}</script>"
        # After the policy of the page, which holds for the added scripts, too.
        copy = page.replace('<meta name="viewport"', f'{_LISTEN}<meta name="viewport"', 1)
        copy = copy.replace("</body>", f"{axe}{_TELL % script}</body>")
        assert copy.count(_LISTEN) == copy.count(_TELL % script) == 1
        file = folder / "page.html"
        file.write_text(copy, encoding="utf-8")
        self._net = folder / "net.json"
        self._process = subprocess.Popen(
            [
                program(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={folder / 'profile'}",
                f"--log-net-log={self._net}",
                "--enable-logging=stderr",
                # Its clock stands still while anything is under way: so nothing is waited for in vain.
                "--virtual-time-budget=30000",
                *flags,
                "--dump-dom",
                file.as_uri(),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def opened(self) -> Opened:
        """Wait for the page."""
        try:
            out, err = self._process.communicate(timeout=PATIENCE_S)
        finally:
            self._process.kill()
        told = re.search(r'<pre id="told">(.*?)</pre>', out, re.DOTALL)
        assert told, f"the script did not come to its end\n{err}\n{out[-2000:]}"
        values: Mapping[str, Any] = json.loads(html.unescape(told[1]))
        console = [line for line in err.splitlines() if "CONSOLE" in line]
        return Opened(**values, console=console, asked_for=_asked_for(self._net))


def _asked_for(log: Path) -> set[str]:
    """The addresses of a page's requests in Chromium's log of its network. Those of its own have no origin."""
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    requests = [event["params"] for event in events if "initiator" in event.get("params", {})]
    urls = {str(request["url"]) for request in requests if request["initiator"] != "not an origin"}
    return {url for url in urls if not url.startswith(("file:", "data:"))}


def program() -> str:
    """Chromium's path."""
    found = shutil.which("chromium")
    assert found
    return found


def require() -> None:
    """Skip the tests where Chromium or axe-core isn't there; fail them where they have to run, as in CI."""
    missing = [*([] if shutil.which("chromium") else ["chromium"]), *([] if AXE.exists() else ["axe-core"])]
    if missing:
        reason = f"{' and '.join(missing)} not found; `make browser` brings it"
        if os.environ.get("TEST_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
