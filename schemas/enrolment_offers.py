from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema, fields

from domain.nursery_vocabulary import OfferWay, QueueStanding, RoundState, SeatOfferStatus
from schemas import words
from schemas.fields import LocalTime, Word

if TYPE_CHECKING:
    from domain.rows import Row

WHY = {
    QueueStanding.ACCEPTED: "您已经接受了这里的名额。",
    QueueStanding.WAITING: "名额现在都有人了。有家庭放弃时，按下面的排位递补。",
    QueueStanding.HAS_BETTER: "您已经有更靠前的志愿的名额，不再排这里。",
    QueueStanding.SETTLED: "您选择了不再等候别的名额。",
    QueueStanding.LET_GO: "您放弃过这里的名额，或者到时没有答复，不再排这里。",
    QueueStanding.OVER: "本次招生已经结束，不再递补。",
}
OPEN_SEATS = "公开名额"


def why_of_choice(choice: Row) -> str:
    """Say why an application stands where it does with one of its choices."""
    if choice["standing"] == QueueStanding.OFFERED:
        return f"这里有名额等您答复，请在{words.minute(choice['answer_by'])}前接受或放弃。"
    if choice["standing"] == QueueStanding.NOT_TAKEN:
        kept = "、".join(_name(queue) for queue in choice["queues"])
        return f"这里只有{kept}，孩子没有通过相应的优先类别。"
    return WHY[choice["standing"]]


def why_of_queue(queue: Row) -> str:
    """Say who comes before an application at the seats of one kind, and for which reason."""
    name = f"{_name(queue)}（{queue['seats']}个）"
    if queue["tier"] is None:
        return f"{name}：孩子没有通过这一优先类别，不能递补这些名额。"
    if queue["place"] is None:
        return f"{name}：您没有在等这里的名额。"
    order = "提交得更早" if queue["late"] else "号码更靠前"
    before = [
        f"{queue[count]}个孩子{reason}"
        for count, reason in (
            ("drawn_before", "参加了派位，补报的排在后面"),
            ("group_before", "的优先类别在前"),
            ("order_before", order),
        )
        if queue[count]
    ]
    return f"{name}：您排第{queue['place']}位" + (f"，前面有{'，'.join(before)}。" if before else "，前面没有人。")


def _name(queue: Row) -> str:
    return f"“{queue['group_name']}”优先名额" if queue["group_name"] else OPEN_SEATS


class OfferAnswer(Schema):
    offer_id = fields.UUID(required=True)


class SeatOffer(Schema):
    """`way`: from the draw itself, or from the queue for a seat that somebody gave up."""

    id = fields.UUID()
    status = Word(SeatOfferStatus)
    way = Word(OfferWay)
    offered_at = LocalTime()
    answer_by = LocalTime()


class SeatQueue(Schema):
    """The seats of one kind in a programme: kept for a group first, or open (`group_code` empty).

    `place`: null for who does not wait for them, or whom they do not take. Before it come those of the draw
    (`drawn_before`, for who came late), of groups that the seats take earlier, and with the lower number or, of those
    who came late, the earlier submission.
    """

    group_code = fields.String()
    group_name = fields.String(allow_none=True)
    seats = fields.Integer()
    free = fields.Integer()
    place = fields.Integer(allow_none=True)
    drawn_before = fields.Integer()
    group_before = fields.Integer()
    order_before = fields.Integer()
    why = fields.Function(why_of_queue, metadata={"type": "string"})


class ChoiceStanding(Schema):
    """One choice; `offer` is the newest there was, or null."""

    rank = fields.Integer()
    programme_id = fields.UUID()
    class_id = fields.UUID()
    class_name = fields.String()
    provider_id = fields.UUID()
    provider_name = fields.String()
    seats = fields.Integer()
    standing = Word(QueueStanding)
    why = fields.Function(why_of_choice, metadata={"type": "string"})
    offer = fields.Nested(SeatOffer, allow_none=True)
    queues = fields.List(fields.Nested(SeatQueue))


class EnrolmentQueues(Schema):
    """What an application has, is offered and waits for.

    Several offers may stand at a time: of something that is wanted more, beside one that was not answered yet. `number`
    is that of the draw, the lower the earlier; null for who came late.
    """

    enrolment_id = fields.UUID()
    public_id = fields.String()
    late = fields.Boolean()
    number = fields.String(allow_none=True)
    settled = fields.Boolean()
    choices = fields.List(fields.Nested(ChoiceStanding))


class RoundOffered(Schema):
    id = fields.UUID()
    stage = Word(RoundState)
    version = fields.Integer()
