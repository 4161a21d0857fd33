"""Makes the documents at `/openapi.json` and `/docs`, once a process."""

from __future__ import annotations

from functools import cache

from handlers.conditional import Answer, json_answer
from handlers.docs import Docs
from server import docs_page, openapi
from server.errors import refusals


@cache
def docs() -> Docs:
    document = openapi.build()
    return Docs(
        json_answer(document),
        Answer.of(docs_page.render(document)),
        Answer.of(docs_page.render_problems(refusals())),
    )
