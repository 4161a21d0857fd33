from __future__ import annotations

from domain import help_views
from handlers.plain import acting, listing
from schemas.help_tasks import Task, TaskQuery

list_own = listing(help_views.list_own, TaskQuery, Task, "List what one is asked for and has, newest first.")
show = acting(help_views.show, Task, "Show one request as far as a volunteer may see it now; each look is recorded.")
