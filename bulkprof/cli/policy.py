"""The command `iam-policy`: the permissions that runs need, to hand to whoever grants them."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from bulkprof.cli import options as o
from bulkprof.cli.app import app
from bulkprof.cli.running import STATE_DIR, ending, make_options, make_terminal
from bulkprof.errors import ExitCode, UsageError


class Party(StrEnum):
    """Whose policy is asked for."""

    HUB = "hub"
    MEMBER = "member"


@app.command("iam-policy")
def iam_policy(
    party: Annotated[
        Party | None,
        typer.Option(
            "--for", help="Only the caller's policy (hub), or only that of the role in each account (member)."
        ),
    ] = None,
    cloudformation: Annotated[
        bool, typer.Option("--cloudformation", help="The member role as a template for a CloudFormation StackSet.")
    ] = False,
    prune: o.Prune = False,
    replace: o.Replace = False,
    own_account: Annotated[
        bool, typer.Option("--own-account", help="The hub makes profiles in its own account, too.")
    ] = False,
    partition: Annotated[
        str, typer.Option("--partition", metavar="NAME", help="What ARNs begin with: aws, aws-us-gov, aws-cn, …")
    ] = "aws",
    config: o.ConfigFile = None,
    no_color: o.NoColor = False,
) -> int:
    """Print the least permissions for this config, as JSON. --prune and --replace add deleting."""
    from bulkprof.aws.policy import Needs, Scope, hub_policy, member_policy, unknown_plugins
    from bulkprof.aws.stackset import template
    from bulkprof.plugins.registry import Registry

    # Notes go to stderr: stdout is the policy's alone.
    terminal = make_terminal(True, no_color)
    opts = make_options(terminal, config, STATE_DIR)
    settings = opts.config.settings
    with ending(terminal):
        if cloudformation and party is Party.HUB:
            raise UsageError("--cloudformation makes the member role; the hub's policy is JSON only: --for hub")
        # Made only to hear what is wrong with their settings, which the policies are read from.
        Registry(settings.plugins, opts.config.directory)
        needs = Needs(settings, deletes=prune or replace, own_account=own_account)
        scope = Scope(partition=partition)
        answer: dict[str, Any]
        if cloudformation:
            answer = template(needs)
        elif party is Party.HUB:
            answer = hub_policy(needs, scope)
        elif party is Party.MEMBER:
            answer = member_policy(needs, scope)
        else:
            answer = {"hub": hub_policy(needs, scope), "member": member_policy(needs, scope)}
    typer.echo(json.dumps(answer, indent=2))
    if not settings.organization.role:
        terminal.note("no role is set in [organization]: the hub is all there is, and works in its own account")
    if cloudformation:
        terminal.note("the role has a name of its own: the StackSet needs the capability CAPABILITY_NAMED_IAM")
    elif party is not Party.MEMBER:
        for name in unknown_plugins(settings):
            terminal.warn(f"plugin {name!r}: whatever it calls in AWS itself is not in here")
    return ExitCode.DONE
