"""The command `iam-policy`: the permissions that runs need, for those who grant them."""

import re
from enum import StrEnum
from typing import Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import ConfigOnly, Lines, flag, with_flags
from bulkprof.cli.running import ending, make_options, make_terminal
from bulkprof.errors import ExitCode, UsageError


class Party(StrEnum):
    """Whose policy is asked for."""

    CALLER = "caller"
    HUB = "hub"
    MEMBER = "member"
    PAYER = "payer"


@app.command("iam-policy")
@with_flags
def iam_policy(
    *,
    party: Annotated[
        Party | None,
        typer.Option("--for", help="Only one of them. The caller's own is apart where it goes via a hub role."),
    ] = None,
    cloudformation: Annotated[
        bool, typer.Option("--cloudformation", help="The member role as a template for a CloudFormation StackSet.")
    ] = False,
    prune: Annotated[bool, flag("--prune", "For runs with --prune: allow to delete.")] = False,
    replace: Annotated[bool, flag("--replace", "For runs with --replace: allow to delete.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="For drift alarms: plan and export only, which change nothing.")
    ] = False,
    own_account: Annotated[
        bool, typer.Option("--own-account", help="The hub makes profiles in its own account, too.")
    ] = False,
    cost_tags: Annotated[
        bool, typer.Option("--cost-tags", help="For the command cost-tags, with all that it can do.")
    ] = False,
    usage: Annotated[bool, typer.Option("--usage", help="For the command usage: allow to read metrics.")] = False,
    partition: Annotated[
        str, typer.Option("--partition", metavar="NAME", help="What ARNs begin with: aws, aws-us-gov, aws-cn, …")
    ] = "aws",
    run: ConfigOnly,
    shown: Lines,
) -> int:
    """Print the least permissions that runs with this config need, as JSON."""
    from bulkprof.aws.iam import Needs, Scope, policies, unknown_plugins
    from bulkprof.aws.stackset import DEFAULT_ROLE, template
    from bulkprof.plugins.registry import Registry
    from bulkprof.text.printable import json_text

    # Notes go to stderr: stdout is the policy's alone.
    terminal = make_terminal(shown)
    opts = make_options(terminal, run)
    settings = opts.config.settings
    with ending(terminal):
        if cloudformation and party not in {None, Party.MEMBER}:
            raise UsageError("--cloudformation makes the member role; the other policies are JSON only")
        if party is Party.CALLER and not settings.organization.via:
            raise UsageError("the caller is the hub itself, since [organization] has no `via`: --for hub")
        if read_only and (prune or replace):
            raise UsageError("--read-only allows no deletions: leave --prune and --replace out")
        if not re.fullmatch("aws[a-z-]*", partition):
            raise UsageError(f"--partition {partition!r}: is what an ARN begins with, such as aws or aws-us-gov")
        registry = Registry(settings.plugins, opts.config.directory)
        needs = Needs(
            settings,
            registry,
            deletes=prune or replace,
            changes=not read_only,
            own_account=own_account,
            cost_tags=cost_tags,
            usage=usage,
        )
        policy = template(needs) if cloudformation else policies(needs, Scope(partition=partition))
        if party is Party.PAYER and Party.PAYER not in policy:
            raise UsageError(
                "--for payer: needs `payer_role` in [organization], and --cost-tags or [costs] activate; without the "
                "role, what the payer needs is in the caller's policy"
            )
        if party is not None and not cloudformation:
            policy = policy[party]
    terminal.text(json_text(policy, ascii_only=True, indent=2).split("\n"))
    if not settings.organization.role:
        name = f'; for others, set role = "{DEFAULT_ROLE}"' if cloudformation else ""
        terminal.note(f"no role is set in [organization], so runs work in the hub's own account only{name}")
    if cloudformation:
        terminal.note("the role has a name of its own: the StackSet needs the capability CAPABILITY_NAMED_IAM")
    elif party is not Party.MEMBER:
        for name in unknown_plugins(needs):
            terminal.warn(f"plugin {name!r}: whatever it calls in AWS itself is not in here")
    return ExitCode.DONE
