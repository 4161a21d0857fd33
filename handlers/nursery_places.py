from __future__ import annotations

from typing import TYPE_CHECKING

from domain import nursery_admission, nursery_ends, nursery_place_views, nursery_stays
from handlers.operation import operation
from handlers.plain import changing, creating, listing, showing
from handlers.request import connection, context, path_id, read_query, whole_list
from schemas.nursery_places import (
    ClassMonth,
    ClassPlacesQuery,
    NurseryPlace,
    NurseryPlaceList,
    Occupancy,
    OccupancyQuery,
    Papers,
    PlaceCancel,
    PlaceConfirm,
    PlaceEnd,
    PlaceEnter,
    PlaceLeave,
    PlaceReturn,
    PlaceTransfer,
    StaffNurseryPlace,
)

if TYPE_CHECKING:
    from aiohttp import web

list_of_class = listing(
    nursery_place_views.list_of_class, ClassPlacesQuery, StaffNurseryPlace, "List the children of a class."
)
show = showing(nursery_place_views.show, StaffNurseryPlace, "Show a child's place in a class.")
enter = creating(
    nursery_admission.enter,
    nursery_admission.entered,
    PlaceEnter,
    StaffNurseryPlace,
    "Enter a child that comes by no round, or came before there were any.",
)
put_papers = changing(
    nursery_admission.put_papers, Papers, StaffNurseryPlace, "Write down which papers the nursery has of a child."
)
confirm = changing(
    nursery_admission.confirm, PlaceConfirm, StaffNurseryPlace, "Fix a child's class and first day; needs all papers."
)
transfer = changing(
    nursery_stays.transfer, PlaceTransfer, StaffNurseryPlace, "Move a child to another class from a day on."
)
leave = changing(
    nursery_stays.leave, PlaceLeave, StaffNurseryPlace, "Write down that a child is away; it keeps its place."
)
come_back = changing(
    nursery_stays.come_back,
    PlaceReturn,
    StaffNurseryPlace,
    "Write down that a child is back; after a long absence it has been checked again.",
)
end = changing(nursery_ends.end, PlaceEnd, StaffNurseryPlace, "Settle the last day of a child; its seat goes on.")
cancel = changing(
    nursery_ends.cancel,
    PlaceCancel,
    StaffNurseryPlace,
    "Cancel the place of a child that never came; its seat in a round goes to the next.",
)


@operation(reply=NurseryPlaceList)
async def list_of_person(request: web.Request) -> web.Response:
    """List the places of a child in the caller's care, the latest first."""
    async with connection(request) as conn:
        found = await nursery_place_views.list_of_person(conn, context(request), path_id(request))
    return whole_list(NurseryPlace, found)


@operation(query=OccupancyQuery, reply=Occupancy)
async def occupancy(request: web.Request) -> web.Response:
    """Say how many children each class of a nursery has in each month, planned and confirmed."""
    query = read_query(request, OccupancyQuery)
    async with connection(request) as conn:
        found = await nursery_place_views.occupancy(conn, context(request), path_id(request), **query)
    return whole_list(ClassMonth, found)
