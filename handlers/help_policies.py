from __future__ import annotations

from domain import help_policies
from handlers.plain import creating, listing, showing
from schemas.help_policies import HelpPolicy, HelpPolicyCreate, HelpPolicyQuery

list_of_staff = listing(
    help_policies.list_of_staff, HelpPolicyQuery, HelpPolicy, "List the rules of help that bear on the caller's work."
)
show = showing(help_policies.show, HelpPolicy, "Show one version of rules of help.")
ruling = showing(help_policies.ruling, HelpPolicy, "Show the rules of help that hold in an area now.")
publish = creating(
    help_policies.publish,
    help_policies.show,
    HelpPolicyCreate,
    HelpPolicy,
    "Follow the rules of help of an area, or of everywhere, by a new version that holds at once.",
)
