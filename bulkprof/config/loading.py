"""Reads the config: once, with every bad key of the file told at once."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bulkprof.config.settings import Settings
from bulkprof.errors import ConfigError
from bulkprof.text.findings import validation_lines
from bulkprof.text.printable import printable_lines

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
DEFAULT_FILE = "bulkprof.toml"


class Config(BaseModel):
    """Settings and where they came from."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    settings: Settings = Settings()
    file: Path | None = None
    fetched: Mapping[str, str] = Field(default_factory=dict)
    """The address of a config in S3, with its version id or ETag."""

    @property
    def directory(self) -> Path:
        """Where relative paths in the config start."""
        return self.file.parent if self.file else Path.cwd()


def load(file: Path | str | None = None) -> Config:
    """Read `file`, or `bulkprof.toml` of the working directory where there is one, else the defaults.

    Raises `ConfigError` that names every bad key of the file at once.
    """
    if isinstance(file, str):
        file = Path(file)
    elif file is None:
        file = Path(DEFAULT_FILE)
        if not file.exists():
            return Config()
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; `bulkprof init` writes one to start from") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
    return Config(settings=parsed(data, file), file=file.absolute())


def parsed(data: bytes, file: Path | str) -> Settings:
    """Return the settings that a config holds; `file` is its name in messages.

    Raises `ConfigError` that names every bad key at once.
    """
    try:
        if data.startswith(_UTF16) or b"\0" in data[:4]:
            raise ConfigError(f"{file}: is UTF-16, not UTF-8; save it as UTF-8")
        # Some editors begin a file with a byte order mark.
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}; correct it there") from None
    except RecursionError:
        raise ConfigError(
            f"{file}{_place(text, _NESTED)}: is nested too deeply; no setting is a list of lists"
        ) from None
    except ValueError:
        # All that is left: Python reads numbers of some thousand digits only.
        raise ConfigError(f"{file}{_place(text, _LONG_NUMBER)}: the number has too many digits") from None
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        raise ConfigError(printable_lines(f"{file}: {line}" for line in validation_lines(error, Settings))) from None


_NESTED = re.compile(r"(?:\[\s*|\{[^{}\[\]]*){100}")
_LONG_NUMBER = re.compile(r"[0-9_]{4300}")


def _place(text: str, wrong: re.Pattern[str]) -> str:
    """Line and key of what the parser gives up at without saying where; empty where it isn't found."""
    found = wrong.search(text)
    if found is None:
        return ""
    number = text.count("\n", 0, found.start()) + 1
    line = text.splitlines()[number - 1]
    return f":{number}: {line.partition('=')[0].strip()[:100]}" if "=" in line else f":{number}"
