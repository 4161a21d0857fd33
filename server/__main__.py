"""The command line: `python -m server <command>`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import asyncpg

from server import commands, config, migrate, start
from server.embedded import EmbeddedPostgresError

if TYPE_CHECKING:
    from collections.abc import Callable

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no other name for it


INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended before it served."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server", description="小驼帮办: the booking service.")
    verbs = parser.add_subparsers(required=True, metavar="command")
    for name, act in (
        ("run", start.run),
        ("serve", start.serve_command),
        ("worker", commands.worker_command),
        ("migrate", commands.migrate_command),
        ("seed", commands.seed_command),
        ("reconcile", commands.reconcile_command),
    ):
        command = verbs.add_parser(name, help=act.__doc__, description=act.__doc__)
        command.set_defaults(act=act)
    staff = _add_group(verbs, "staff", commands.staff_command)
    create = staff.add_parser("create-admin", help="make an administrator of everything; the password may be piped in")
    create.add_argument("--login", required=True)
    create.add_argument("--name", help="what residents and colleagues see; the login unless given")
    reset = staff.add_parser("reset", help="give new secrets, lift a lock and end every session")
    reset.add_argument("--login", required=True)
    staff.add_parser("list", help="list the accounts of staff")
    _add_group(verbs, "audit", commands.audit_command).add_parser("verify", help=commands.audit_command.__doc__)
    _add_group(verbs, "keys", commands.keys_command).add_parser("rotate", help=commands.keys_command.__doc__)
    return parser


def _add_group(verbs: Commands, name: str, act: Callable[[argparse.Namespace], int | None]) -> Commands:
    command = verbs.add_parser(name, help=act.__doc__, description=act.__doc__)
    command.set_defaults(act=act)
    return command.add_subparsers(required=True, metavar="what", dest="what")


def main() -> int:
    arguments = build_parser().parse_args()
    try:
        status: int | None = arguments.act(arguments)
    except (config.SettingError, EmbeddedPostgresError, migrate.MigrationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        sys.stderr.write(f"The database did not do what was asked of it ({type(error).__name__}).\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return status or 0


if __name__ == "__main__":
    sys.exit(main())
