from __future__ import annotations

from domain import areas
from handlers.plain import changing, creating, listing, showing
from schemas.areas import AreaChange, AreaCreate, AreaQuery, StaffArea

list_of_staff = listing(areas.list_of_staff, AreaQuery, StaffArea, "List the areas that the caller administers.")
show = showing(areas.show, StaffArea, "Show one area.")
create = creating(areas.create, areas.show, AreaCreate, StaffArea, "Make an area below another.")
change = changing(areas.change, AreaChange, StaffArea, "Change an area's name or level.")
