"""What each run finds out anew about the SDK and the command line is found out once in a process of tests.

A command makes sessions and clients, and for that reads the same service models, looks up the same signatures and makes
the same methods as the one before. That is half of what a small run costs, and says nothing about bulkprof.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from types import FunctionType
from typing import Any

import pytest
import typer
from botocore import client, hooks, loaders, session, useragent

from bulkprof.aws.transport import http
from bulkprof.aws.transport.tls import Trust, tls_context


@contextmanager
def found_out_once() -> Iterator[None]:
    """Keep the results of functions that depend on nothing but their arguments; most are inner ones of the SDK."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        patch.setattr(http, "tls_context", _trust_once())
        patch.setattr("bulkprof.plugins.loading.entry_points", _installed_once())
        patch.setattr(session, "create_loader", cache(loaders.create_loader))
        patch.setattr(hooks.EventAliaser, "_alias_event_name", _alias_once(hooks.EventAliaser._alias_event_name))
        patch.setattr(hooks, "accepts_kwargs", _look_once(hooks.accepts_kwargs))
        patch.setattr(client.ClientCreator, "_create_methods", _make_once(client.ClientCreator._create_methods))
        sanitize = useragent.sanitize_user_agent_string_component
        patch.setattr(useragent, "sanitize_user_agent_string_component", cache(sanitize))
        yield


def _trust_once() -> Callable[[Trust], ssl.SSLContext]:
    """The context of the usual authorities. Those in a file are read each time: tests change such files."""
    usual = cache(tls_context)

    def context(verify: Trust) -> ssl.SSLContext:
        return usual(verify) if verify is True else tls_context(verify)

    return context


def _installed_once() -> Callable[..., EntryPoints]:
    """What is installed along a path: for its plugins, each command reads the metadata of all distributions."""

    @cache
    def along(_path: tuple[str, ...], group: str) -> EntryPoints:
        return entry_points(group=group)

    return lambda *, group: along(tuple(sys.path), group)


def _alias_once(alias: Callable[[Any, str], str]) -> Callable[[Any, str], str]:
    """An event's name without aliases: runs of many targets spend a tenth of their time on it."""
    aliases: dict[str, str] = {}

    def alias_event_name(aliaser: Any, name: str) -> str:
        if name not in aliases:
            aliases[name] = alias(aliaser, name)
        return aliases[name]

    return alias_event_name


def _look_once(look: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Whether a handler of events takes any keyword: a session asks that of a hundred of the SDK's own."""
    known = cache(look)

    def accepts_kwargs(handler: Any) -> Any:
        # A bound method would keep its object; the function that it is bound to stays anyway.
        function = getattr(handler, "__func__", handler)
        return known(function) if isinstance(function, FunctionType) else look(handler)

    return accepts_kwargs


def _make_once(make: Callable[[Any, Any], dict[str, Any]]) -> Callable[[Any, Any], dict[str, Any]]:
    """The methods of a service's clients. They get their client as an argument, so all clients can have the same."""
    made: dict[int, tuple[Any, dict[str, Any]]] = {}

    def create_methods(creator: Any, model: Any) -> dict[str, Any]:
        # The loader has one for each service. It is kept beside, so that no other can get its id.
        description = model._service_description
        if id(description) not in made:
            made[id(description)] = description, make(creator, model)
        return dict(made[id(description)][1])

    return create_methods
