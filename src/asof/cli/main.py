"""The command `asof`: its commands, and how it ends.

Exit codes: 0 done, 1 an error that its message explains, 2 wrong usage or (of `asof plan`) there
are changes or (of `asof check`) findings, 70 an error in Asof itself, 130 interrupted.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click

import asof
from asof.cli.commands import LazyGroup
from asof.cli.output import print_error
from asof.errors import AsofError

COMMANDS = {
    "init": "asof.cli.projects:init",
    "plan": "asof.cli.definitions:plan",
    "apply": "asof.cli.definitions:apply",
    "run": "asof.cli.running:run",
    "backfill": "asof.cli.backfill:backfill",
    "env": "asof.cli.environments:env",
    "history": "asof.cli.revisions:history",
    "rollback": "asof.cli.revisions:rollback",
    "ingest": "asof.cli.ingest:ingest",
    "training-set": "asof.cli.training_sets:training_set",
    "get": "asof.cli.online:get",
    "serve": "asof.cli.online:serve",
    "tables": "asof.cli.records:tables",
    "runs": "asof.cli.records:runs",
    "lineage": "asof.cli.lineage:lineage",
    "snapshot": "asof.cli.snapshots:snapshot",
    "gc": "asof.cli.gc:gc",
    "infer": "asof.cli.inference:infer",
    "quarantine": "asof.cli.quarantine:quarantine",
    "validate": "asof.cli.validation:validate",
    "check": "asof.cli.checks:check",
    "demo": "asof.cli.projects:demo",
    "completion": "asof.cli.completion:completion",
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


EXAMPLES = [
    "asof init shop --template churn    a project that runs as it is",
    "cd shop; asof plan; asof apply; asof run",
    "asof training-set build churn",
    "asof get churn_model household_id=14",
]


@click.group(cls=LazyGroup, places=COMMANDS, examples=EXAMPLES, context_settings=CONTEXT)
@click.version_option(asof.__version__, message="asof %(version)s", help="Print the version.")
def cli() -> None:
    """Features and training sets that are correct as of every cut-off.

    A project is a folder with an asof.toml and definitions in Python. The options below may also
    stand after the command.
    """


def main() -> None:
    """Do what the process's arguments say, and end it with the exit code that says how that went."""
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: Sequence[str]) -> int:
    as_json, debug = "--json" in arguments, "--debug" in arguments
    try:
        code = cli.main(list(arguments), prog_name="asof", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        print_error(error, _usage(error), as_json=as_json)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        print_error(error, "interrupted", as_json=as_json)
        return 130
    except (AsofError, OSError) as error:
        _print_traceback(debug)
        print_error(error, _explained(error), as_json=as_json)
        return 1
    except Exception as error:
        _print_traceback(debug)
        print_error(error, _internal(error, debug), as_json=as_json, prefix="internal error")
        return 70


def _print_traceback(debug: bool) -> None:
    if debug:
        traceback.print_exc()


def _explained(error: AsofError | OSError) -> str:
    """An error of ours or of the system's in a line or two."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _usage(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message}\nSee: {error.ctx.command_path} --help"
    return message


def _internal(error: Exception, debug: bool) -> str:
    hint = "" if debug else " (run again with --debug for the traceback)"
    return f"{type(error).__name__}: {error}{hint}"
