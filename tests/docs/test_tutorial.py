"""The tutorial does what it says, command by command, in the sandbox."""

from __future__ import annotations

from tests.cli.driver import CommandLine
from tests.docs.sessions import missing, steps


def test_who_follows_the_tutorial_sees_what_it_shows(commands: CommandLine) -> None:
    for name in ("bulkprof.toml", "profiles.csv"):
        (commands.folder / name).unlink(missing_ok=True)
    ran = []
    for step in steps("tutorial.md"):
        if step.file:
            # AWS's lists are waited for in a real run; the sandbox's don't lag.
            quick = "\n[run]\nsettle_s = 0\n" if step.file == "bulkprof.toml" else ""
            commands.write(step.file, step.text + quick)
            continue
        ended = commands(*step.arguments)
        said = ended.out + ended.err
        assert ended.code == step.exit_code, (step.arguments, said)
        assert missing(step.shown, said) == [], (step.arguments, said)
        ran.append(step.arguments[0])
    assert set(ran) == {"init", "validate", "plan", "apply", "sync", "report", "catalog"}
