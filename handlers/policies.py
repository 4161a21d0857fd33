from __future__ import annotations

from domain import policies
from handlers.plain import creating, listing, showing
from schemas.policies import Policy, PolicyCreate, PolicyQuery

list_of_staff = listing(
    policies.list_of_staff, PolicyQuery, Policy, "List the policies that bear on the caller's work."
)
show = showing(policies.show, Policy, "Show one version of a policy.")
publish = creating(policies.publish, policies.show, PolicyCreate, Policy, "Follow a scope's policy by a new version.")
