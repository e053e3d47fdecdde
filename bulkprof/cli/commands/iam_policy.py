"""The command `iam-policy`: the permissions that runs need, and callers of what they make, for those who grant them."""

import re
from enum import StrEnum
from typing import Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.catalogs import Conditions, Live, NewestRun
from bulkprof.cli.flags import SANDBOX, Execution, Lines, Only, Scope, flag, with_flags
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
    run_id: NewestRun = None,
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
    invoke: Annotated[
        bool, typer.Option("--invoke", help="For callers: the profiles of a run, and models through them alone.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="FIELD", help="With --invoke: policies for each value of tag:Team or another field."
        ),
    ] = None,
    live: Live = False,
    where: Conditions = None,
    scp: Annotated[
        bool, typer.Option("--scp", help="For an organization: no model past the estate's profiles.")
    ] = False,
    exceptions: Annotated[
        list[str] | None,
        typer.Option(
            "--except", metavar="ARN", help="With --scp: a role or user that isn't denied; * stands for any text."
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="With --invoke or --scp: a file for each policy, also in S3."),
    ] = None,
    scope: Annotated[Scope, Only("accounts", "not_accounts", "regions")],
    run: Annotated[Execution, Only("max_targets_in_flight", "config", "state_dir", *SANDBOX)],
    shown: Lines,
) -> int:
    """Print the least permissions as JSON: for runs with this config, or with --invoke or --scp for callers."""
    from bulkprof.aws.iam import Needs, policies, unknown_plugins
    from bulkprof.aws.iam import Scope as ArnScope
    from bulkprof.aws.stackset import DEFAULT_ROLE, template
    from bulkprof.cli.caller_policies import Asked, check, print_invoke, print_scp
    from bulkprof.plugins.registry import Registry
    from bulkprof.text.printable import json_text

    # Notes go to stderr: stdout is the policy's alone.
    terminal = make_terminal(shown)
    opts = make_options(terminal, scope, run)
    settings = opts.config.settings
    asked = Asked(
        run_id=run_id,
        by=by,
        where=tuple(where or ()),
        live=live,
        out=out,
        exceptions=tuple(exceptions or ()),
        partition=partition,
    )
    with ending(terminal):
        if not re.fullmatch("aws[a-z-]*", partition):
            raise UsageError(f"--partition {partition!r}: is what an ARN begins with, such as aws or aws-us-gov")
        of_runs = bool(party or cloudformation or read_only or own_account or cost_tags or usage)
        check(asked, scope, invoke=invoke, scp=scp, of_runs=of_runs)
        if invoke or scp:
            return (print_invoke if invoke else print_scp)(terminal, opts, asked)
        if cloudformation and party not in {None, Party.MEMBER}:
            raise UsageError("--cloudformation makes the member role; the other policies are JSON only")
        if party is Party.CALLER and not settings.organization.via:
            raise UsageError("the caller is the hub itself, since [organization] has no `via`: --for hub")
        if read_only and (prune or replace):
            raise UsageError("--read-only allows no deletions: leave --prune and --replace out")
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
        policy = template(needs) if cloudformation else policies(needs, ArnScope(partition=partition))
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
