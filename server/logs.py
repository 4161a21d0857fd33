"""How the process speaks: lines to read on a terminal, JSON lines anywhere else."""

from __future__ import annotations

import logging
import os
import sys

import structlog


def where(error: BaseException) -> dict[str, object]:
    """Name an error's type and the places it passed; never its text: values of rows stand in there."""
    places = []
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{frame.tb_lineno} {code.co_name}")  # noqa: PTH119
        frame = frame.tb_next
    return {"error": f"{type(error).__module__}.{type(error).__qualname__}", "places": places[-12:]}


class Wordless(logging.Handler):
    """Logs what libraries log as the first line of their own words, without the values and texts put into it."""

    def emit(self, record: logging.LogRecord) -> None:
        words = str(record.msg).partition("\n")[0]
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno, words, logger=record.name, **(where(error) if error is not None else {})
        )


def configure(level: str) -> None:
    """Set up structlog. No renderer shows an exception's text: values of rows may stand in it."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            structlog.dev.ConsoleRenderer() if sys.stdout.isatty() else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[Wordless()], level=logging.WARNING, force=True)
